// Every page in both widths and both themes: looked at by axe, weighed, timed, and kept as a picture.
"use strict";

const { mkdirSync, readFileSync, writeFileSync } = require("node:fs");
const { base, pictures, run, signInWith } = require("./session.js");

const paths = JSON.parse(process.env.STENTOR_PAGES);
const BYTES_MAX = 100 * 1024;
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

run(async ({ page, context, browser }) => {
  mkdirSync(pictures, { recursive: true });
  await signInWith(page, process.env.STENTOR_TOKEN);
  const cookies = await context.cookies();
  const overview = (await page.locator("main").innerText()).replace(/\s+/g, " ");
  const failures = JSON.parse(process.env.STENTOR_SENTENCES).filter((sentence) => !overview.includes(sentence)).map((sentence) => `the overview does not say: ${sentence}`);
  const weights = [];
  for (const [name, path] of Object.entries(paths)) {
    const weight = await weigh(page, path);
    if (weight.bytes > BYTES_MAX) failures.push(`${name}: ${weight.bytes} bytes`);
    weights.push(`${name}: ${weight.bytes} bytes, ${weight.millis.toFixed(1)} ms\n`);
  }
  writeFileSync(`${pictures}/weights.txt`, weights.join(""));
  console.log(weights.join("").trimEnd());
  for (const theme of ["light", "dark"]) {
    for (const width of [1280, 390]) {
      // The policy of pages lets no script in but their own; the judge is one from elsewhere.
      const judged = await browser.newContext({ baseURL: base, viewport: { width, height: width > 600 ? 900 : 844 }, colorScheme: theme, bypassCSP: true });
      await judged.addCookies(cookies);
      const view = await judged.newPage();
      for (const [name, path] of Object.entries(paths)) {
        await view.goto(path);
        await view.screenshot({ path: `${pictures}/${name}-${width}-${theme}.png`, fullPage: true });
        const overflow = await view.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (overflow > 0) failures.push(`${name} at ${width}: ${overflow} px too wide`);
        await view.evaluate(axe);
        const { violations } = await view.evaluate(() => axe.run({ resultTypes: ["violations"] }));
        for (const violation of violations) {
          failures.push(`${name} ${width} ${theme}: ${violation.id}: ${violation.nodes.map((node) => node.html).slice(0, 3).join(" | ")}`);
        }
      }
      await judged.close();
    }
  }
  if (failures.length) throw new Error(failures.join("\n"));
});

// A page with its style sheet and script, and how long the server took for it (the best of three: others use the machine too).
async function weigh(page, path) {
  let bytes = 0, millis = Infinity;
  for (let turn = 0; turn < 3; turn += 1) {
    const begun = performance.now();
    const answer = await page.request.get(path);
    millis = Math.min(millis, performance.now() - begun);
    bytes = (await answer.body()).length;
    if (answer.status() !== 200) throw new Error(`${path} answers ${answer.status()}`);
  }
  await page.goto(path);
  const assets = await page.evaluate(() => [...document.querySelectorAll("link[rel=stylesheet], script[src], link[rel=icon]")].map((part) => part.href || part.src));
  for (const asset of assets) bytes += (await (await page.request.get(asset)).body()).length;
  return { bytes, millis };
}
