// Pages that show what strangers wrote: nothing of it may run, load or change the page. `session.js` notes what does.
"use strict";

const { run, signInWith } = require("./session.js");

run(async ({ page }) => {
  await signInWith(page, process.env.STENTOR_TOKEN);
  for (const path of JSON.parse(process.env.STENTOR_PAGES)) {
    const answer = await page.goto(path);
    if (answer.status() >= 500) throw new Error(`${path} answers ${answer.status()}`);
    for (const details of await page.locator("details > summary").all()) await details.click();
    await page.mouse.move(300, 300);
    const planted = await page.evaluate(() => ({
      ran: Boolean(window.planted),
      elements: document.querySelectorAll("main script, main iframe, main object, main embed, main base, main img:not([src^='/assets/']), main video, main math, main [onerror], main [onload], main [style]").length,
      links: [...document.querySelectorAll("a[href]")].filter((link) => !["http:", "https:"].includes(link.protocol)).length,
      rail: document.querySelectorAll(".rail").length,
    }));
    if (planted.ran || planted.elements || planted.links || planted.rail > 1) throw new Error(`${path}: ${JSON.stringify(planted)}`);
  }
}, { refusals: true });
