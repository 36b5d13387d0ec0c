// A browser with one page that notes everything a page must not do: errors, alerts, violations of its policy, requests
// elsewhere. Scripts call `run` with what they do; it ends with an error when one of these happened or the script failed.
"use strict";

const { mkdirSync } = require("node:fs");
const { chromium } = require("playwright-core");

const base = process.env.STENTOR_URL;
const pictures = process.env.STENTOR_PICTURES;

// With `refusals`, pages may be answered with an error of the reader.
async function run(journey, { refusals = false } = {}) {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  const context = await browser.newContext({ baseURL: base, viewport: { width: 1280, height: 900 } });
  const wrong = [];
  context.on("page", (page) => watch(page, wrong, refusals));
  await context.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  let failure;
  try {
    await journey({ browser, context, page, base });
  } catch (error) {
    failure = error;
    if (pictures) {
      mkdirSync(pictures, { recursive: true });
      await page.screenshot({ path: `${pictures}/failure.png`, fullPage: true }).catch(() => {});
    }
    console.error(`at ${page.url()}: ${error.stack}`);
  }
  await browser.close();
  if (wrong.length) console.error(`pages did what they must not:\n${wrong.join("\n")}`);
  process.exit(failure || wrong.length ? 1 : 0);
}

function watch(page, wrong, refusals) {
  const is_refusal = (message) => refusals && /status of 4\d\d/.test(message.text()) && message.location().url === page.url();
  page.on("console", (message) => { if (message.type() === "error" && !is_refusal(message)) wrong.push(`console at ${page.url()}: ${message.text()}`); });
  page.on("pageerror", (error) => wrong.push(`script at ${page.url()}: ${error}`));
  page.on("dialog", (dialog) => { wrong.push(`dialog at ${page.url()}: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (!["blob:", "data:"].includes(url.protocol) && url.origin !== base) wrong.push(`request to ${request.url()}`);
  });
}

async function signIn(page, link) {
  await page.goto(link);
  await page.getByRole("button", { name: "Open the dashboard" }).click();
  await page.waitForURL(`${base}/`);
}

async function signInWith(page, token) {
  await page.goto("/sign-in");
  await page.getByLabel("Token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${base}/`);
}

module.exports = { base, pictures, run, signIn, signInWith };
