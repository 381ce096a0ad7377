// Opens a recording in speedscope, in a real browser without a window, and looks whether all of it is
// there: node check.mjs MODULES CHROMIUM RECORDING NAME... Every NAME must be the name of a profile (a
// lane) or of a frame in the lane it shows first.
import { createRequire } from "node:module";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, executablePath, recording, ...names] = process.argv.slice(2);
const { chromium } = createRequire(join(modules, "package.json"))("playwright-core");
const work = mkdtempSync(join(tmpdir(), "speedscope-"));

// As speedscope's own command does it.
const script = join(work, "profile.js");
const base64 = readFileSync(recording).toString("base64");
writeFileSync(script, `speedscope.loadFileFromBase64("run.json", "${base64}")`);
const page_url = pathToFileURL(join(modules, "node_modules/speedscope/dist/release/index.html"));

const context = await chromium.launchPersistentContext(join(work, "profile"), {
  executablePath,
  headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
let failed = false;
try {
  const page = context.pages()[0] ?? (await context.newPage());
  page.setDefaultTimeout(60000);
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("dialog", (dialog) => {
    complaints.push(dialog.message());
    dialog.dismiss();
  });
  await page.goto(`${page_url}#localProfilePath=${script}`);
  const title = page.getByText(/\(\d+\/\d+\)/).first(); // "the lane (1/3)"
  await title.waitFor();
  const told = [await page.innerText("body")];
  await page.keyboard.press("3"); // the table of frames
  await page.getByText("Self", { exact: false }).first().waitFor();
  told.push(await page.innerText("body"));
  await title.click(); // the list of lanes
  await page.waitForFunction((count) => document.body.innerText.length > count, told[1].length);
  told.push(await page.innerText("body"));
  const all = told.join("\n");
  for (const name of names) {
    if (all.includes(name)) continue;
    console.error(`speedscope does not show "${name}"`);
    failed = true;
  }
  for (const complaint of complaints.filter((text) => !/webgl|gpu/i.test(text))) {
    console.error(`speedscope says: ${complaint}`);
    failed = true;
  }
  if (failed) console.error(all);
} finally {
  await context.close();
  rmSync(work, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
