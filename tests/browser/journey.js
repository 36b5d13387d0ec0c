// A new user with a browser alone: in by the link, a webhook that fails, why, mended, tried again; then a credential, the
// command that the page shows, and what came without reloading.
"use strict";

const { execFileSync } = require("node:child_process");
const { run, signIn } = require("./session.js");

const { STENTOR_LINK: link, STENTOR_BROKEN: broken, STENTOR_WELL: well } = process.env;

function expect(condition, what) {
  if (!condition) throw new Error(`expected: ${what}`);
}

run(async ({ page }) => {
  await signIn(page, link);
  await page.getByText("There are no webhooks yet").waitFor();

  await page.getByRole("link", { name: "Create a webhook" }).click();
  await page.getByLabel("Address").fill(broken);
  await page.getByLabel("Name", { exact: true }).fill("billing");
  await page.getByLabel("Waits between attempts").fill("0, 3600");
  await page.getByText("Attempts after 0 s, 1 h.").waitFor();
  await page.getByRole("button", { name: "Create the webhook" }).click();
  await page.getByText("Signing secret, shown this once").waitFor();
  expect((await page.locator("#secret pre").textContent()).startsWith("whsec_"), "a signing secret");

  await page.getByLabel("Event type", { exact: true }).fill("order.created");
  await page.getByRole("button", { name: "Send a test" }).click();
  await page.getByRole("heading", { name: "Test: the receiver answers 503" }).waitFor();
  expect((await page.locator("#tested pre").textContent()).includes("down for the night"), "what the receiver said");

  // An event comes while the page is open; the row appears by itself.
  await page.getByText("Nothing here").waitFor();
  const publish = { type: "order.created", data: { order: 1 } };
  const headers = { authorization: `Bearer ${process.env.STENTOR_TOKEN}`, "content-type": "application/json", "stentor-tenant": process.env.STENTOR_TENANT };
  await page.locator("[data-live].on").waitFor();
  const published = await fetch(`${process.env.STENTOR_URL}/v1/events`, { method: "POST", headers, body: JSON.stringify(publish) });
  expect(published.status === 202, "the event is taken");
  await page.locator("table[data-rows] .st", { hasText: "pending" }).waitFor();
  await page.locator("table[data-rows] a[data-open]").first().click();
  await page.getByRole("heading", { name: "Attempt 1: refused 503" }).waitFor();
  await page.getByText("down for the night").first().waitFor();

  await page.getByRole("link", { name: /^wh_/ }).click();
  await page.getByRole("link", { name: "Change" }).click();
  await page.getByLabel("Filter").fill('{"order": {"greater_than": 1}}');
  await page.getByText("It takes 0 of the last").waitFor();
  await page.getByLabel("Filter").fill('{"order": {"greater_than"');
  await page.getByText("is not JSON").waitFor();
  await page.getByLabel("Filter").fill("");
  await page.getByLabel("Address").fill("nonsense://x");
  await page.getByRole("button", { name: "Save" }).click();
  await page.locator(".wrong").first().waitFor();
  await page.getByLabel("Address").fill(well);
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved.").waitFor();

  await page.locator("table[data-rows] a[data-open]").first().click();
  await page.getByRole("button", { name: "Retry now" }).click();
  await page.getByText("The delivery is tried again now.").waitFor();
  await page.getByRole("heading", { name: "Attempt 2: delivered 200" }).waitFor();

  await page.getByRole("link", { name: "Sources" }).click();
  await page.getByRole("link", { name: "Create a source" }).click();
  await page.getByLabel("Name", { exact: true }).fill("reasoner");
  await page.getByRole("button", { name: "Create the source" }).click();
  await page.getByRole("button", { name: "Make a credential" }).click();
  await page.getByText("Your new credential, shown this once").waitFor();
  const texts = await page.locator("#credential pre").allTextContents();
  expect(texts[0].includes("REASONER_WEBHOOK_USERNAME="), "lines for the environment");
  await page.locator("[data-live].on").waitFor();
  const answer = execFileSync("sh", ["-c", texts[1]], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  expect(JSON.parse(answer).status === "ok", `the command of the page is taken: ${answer}`);
  await page.locator("table[data-rows] .st", { hasText: "accepted" }).waitFor();
  execFileSync("sh", ["-c", texts[1].replace(/%s '[^']*'/, "%s 'no:body'")], { stdio: "ignore" });

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.goto("/events");
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
}, { refusals: true });
