// Walks the dashboard in a headless Chromium: both themes, a wide and a narrow window, with
// JavaScript and without. Prints one line a check and ends with 1 if one does not hold.
//
//   PARALLAX_BIN          the program; it is started as `demo` and stopped at the end
//   PARALLAX_URL          a dashboard that runs already, instead
//   PARALLAX_CHROMIUM     the browser, where it is not /usr/bin/chromium
//   PARALLAX_SCREENSHOTS  a folder for pictures of every page

import { mkdir } from "node:fs/promises";

import { chromium } from "playwright-core";

import { connect } from "./connect.mjs";
import { entry } from "./entry.mjs";
import { hands } from "./hands.mjs";
import { check, step, sum } from "./report.mjs";
import { start } from "./server.mjs";
import { walk } from "./walk.mjs";

const FLAGS = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const scenes = [];
for (const theme of ["light", "dark"]) {
  for (const width of [1440, 390]) {
    for (const script of [true, false]) {
      scenes.push({ name: `${theme} ${width}${script ? "" : " noscript"}`, theme, width, script });
    }
  }
}

/** Connecting is tried in one scene of each theme, width and way. */
const few = [0, 3, 4, 6].map((place) => scenes[place]);
/** Words after the script's name choose parts of it: `entry`, `walk`. */
const wanted = (part) => process.argv.length < 3 || process.argv.includes(part);

async function all() {
  if (process.env.PARALLAX_SCREENSHOTS) await mkdir(process.env.PARALLAX_SCREENSHOTS, { recursive: true });
  const browser = await chromium.launch({
    executablePath: process.env.PARALLAX_CHROMIUM ?? "/usr/bin/chromium",
    chromiumSandbox: process.getuid?.() !== 0,
    args: FLAGS,
  });
  try {
    // What is there already has its own way in.
    if (!process.env.PARALLAX_URL && wanted("entry")) await entry(browser);
    if (wanted("walk")) await dashboard(browser);
  } finally {
    await browser.close();
  }
}

async function dashboard(browser) {
  const server = await start();
  try {
    for (const scene of scenes) await walk(browser, scene, server.base);
    await hands(browser, server.base);
    if (process.env.PARALLAX_BIN) await step("connecting", () => connect(browser, few));
  } finally {
    await server.stop();
  }
}

await step("the browser walk", all);
check("at least one scene was walked", scenes.length > 0);
process.exit(sum() ? 0 : 1);
