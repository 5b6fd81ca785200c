// Looks at the report's page in a real browser: nothing is loaded, nothing overflows, everybody can read it, and its
// numbers are those of the report's JSON.
//
//   node page.mjs PAGE.html REPORT.json FOLDER-FOR-SCREENSHOTS
//
// CHROMIUM names the browser's program.

import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [page, json, folder] = process.argv.slice(2);
const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const report = JSON.parse(readFileSync(json, "utf8"));
const faults = [];
const check = (what, found, expected) => {
  if (JSON.stringify(found) !== JSON.stringify(expected)) {
    faults.push(`${what}: ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`);
  }
};

mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM });
for (const colorScheme of ["light", "dark"]) {
  for (const [name, width] of [["phone", 390], ["desk", 1280]]) {
    const where = `${colorScheme} ${name}`;
    const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
    const tab = await context.newPage();
    const asked = [];
    tab.on("request", (request) => asked.push(request.url()));
    tab.on("console", (message) => faults.push(`${where}: the console says ${message.text()}`));
    tab.on("pageerror", (error) => faults.push(`${where}: ${error}`));
    const address = pathToFileURL(page).href;
    await tab.goto(address);
    check(`${where}: what the page loads`, asked, [address]);
    await tab.screenshot({ path: `${folder}/${colorScheme}-${name}.png`, fullPage: true });

    const seen = await tab.evaluate(() => ({
      overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      sentence: document.querySelector("#sentence").textContent,
      points: Number(document.querySelector("#points").textContent),
      states: [...document.querySelectorAll("tr[data-state]")].map((row) => row.dataset.state),
      troubled: [...document.querySelectorAll("article[data-id]")].map((one) => one.dataset.id),
      dollars: ["storage", "transfer"].map((what) =>
        Number(document.querySelector("#cost").textContent.match(`${what} at most \\$([\\d.]+)`)?.[1] ?? NaN)),
      copies: [...document.querySelectorAll("td.took")].map((cell) =>
        (cell.textContent.match(/copy usually (\d+) min, at most (\d+) min/) ?? []).slice(1).map(Number)),
      strips: document.querySelectorAll("tr svg[role=img]").length,
    }));
    const shown = report.databases.filter((database) => database.state !== "excluded");
    const troubled = report.attention.filter((one) => one.arn).map((one) => one.subject);
    check(`${where}: pixels beyond the edge`, seen.overflow, 0);
    check(`${where}: states`, seen.states, shown.map((database) => database.state));
    check(`${where}: who needs a person`, seen.troubled, troubled);
    check(`${where}: recovery points`, seen.points, report.summary.recovery_points);
    const { storage_usd_a_month_at_most, transfer_usd_a_month_at_most } = report.cost.total;
    check(`${where}: dollars a month`, seen.dollars, [storage_usd_a_month_at_most, transfer_usd_a_month_at_most]);
    const copies = shown.map(({ durations: { copy } }) =>
      copy ? [copy.usual_seconds / 60, copy.longest_seconds / 60] : []);
    check(`${where}: minutes of the copies`, seen.copies, copies);
    check(`${where}: strips`, seen.strips, report.due_times.length);
    const begins = `${report.summary.within_rpo} of ${report.summary.selected} databases`;
    check(`${where}: the sentence`, seen.sentence.slice(0, begins.length), begins);

    await tab.addScriptTag({ path: axe });
    const { violations } = await tab.evaluate(() => window.axe.run());
    for (const { id, nodes } of violations) {
      faults.push(`${where}: axe ${id}: ${nodes.map((node) => node.html).join(" ")}`);
    }
    await context.close();
  }
}
for (const format of ["A4", "Letter"]) {
  const tab = await browser.newPage();
  await tab.goto(pathToFileURL(page).href);
  await tab.pdf({ path: `${folder}/${format}.pdf`, format });
}
await browser.close();
for (const fault of faults) console.error(fault);
console.log(faults.length === 0 ? "the report's page: no fault" : `the report's page: ${faults.length} faults`);
process.exit(faults.length === 0 ? 0 : 1);
