// Walks the pages as people do, in both themes, with JavaScript off and on, wide and narrow, over the
// sample cloud; axe must find nothing on any page. Needs Chromium and PARALLAX_BIN; prints
// "N passed, N failed" and ends with 1 where anything failed. PARALLAX_SCREENSHOTS names a folder to
// keep pictures in; PARALLAX_URL walks a dashboard that already runs.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, mkdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const axeFile = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const pictures = process.env.PARALLAX_SCREENSHOTS;
const folder = mkdtempSync(join(tmpdir(), "parallax-walk-"));
let server;
let passed = 0;
const failed = [];

async function check(name, what) {
  try {
    await what();
    passed += 1;
  } catch (fault) {
    failed.push(name);
    console.error(`FAILED ${name}\n  ${String(fault.message ?? fault).split("\n").slice(0, 12).join("\n  ")}`);
  }
}

function assert(holds, message) {
  if (!holds) throw new Error(message);
}

const freePort = () =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });

async function until(what, seconds, message) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    if (server?.exitCode != null) throw new Error(`parallax ended with ${server.exitCode} while waiting for ${message}`);
    const value = await what().catch(() => undefined);
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${seconds} s for ${message}`);
    await new Promise((again) => setTimeout(again, 300));
  }
}

async function start() {
  if (process.env.PARALLAX_URL) return process.env.PARALLAX_URL;
  const binary = process.env.PARALLAX_BIN;
  if (!binary || !existsSync(binary)) throw new Error("PARALLAX_BIN must name the parallax binary (cargo build)");
  const [port, cloud] = [await freePort(), await freePort()];
  const args = ["demo", "--assets", "300", "--listen", `127.0.0.1:${port}`, "--cloud-port", String(cloud)];
  server = spawn(binary, args, {
    env: { ...process.env, PARALLAX_DATA_DIR: join(folder, "data"), PARALLAX_DATABASE_URL: "" },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const base = `http://127.0.0.1:${port}`;
  await until(async () => (await fetch(`${base}/healthz`)).ok, 60, "/healthz");
  await until(async () => {
    const page = await (await fetch(`${base}/connections`)).text();
    return page.includes("/connections/") && !/>(Waiting|Reading)</.test(page) && /<td class="num">[1-9]/.test(page);
  }, 180, "the first runs");
  await until(async () => (await (await fetch(`${base}/findings`)).text()).includes("/findings/"), 120, "findings");
  return base;
}

// With scripts off nothing can run inside the page, axe neither: it then looks at the same address
// in a page that may run scripts but does not get ours.
async function axe(page, name) {
  const { violations, problem } = await page.evaluate(async () => {
    const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const told = (node) => `${node.target.join(" ")} ${node.failureSummary.split("\n")[1]}`;
    try {
      const found = await window.axe.run(document, { runOnly: rules });
      return { violations: found.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map(told).join(" | ")}`) };
    } catch (fault) {
      return { violations: [], problem: String(fault) };
    }
  });
  assert(!problem, `axe did not run on ${name}: ${problem}`);
  assert(violations.length === 0, `axe on ${name}:\n${violations.join("\n")}`);
}

async function walk(browser, base, { theme, script, width }) {
  const label = `${theme}, script ${script ? "on" : "off"}, ${width} px`;
  const viewport = { width, height: 900 };
  const context = await browser.newContext({ colorScheme: theme, javaScriptEnabled: script, viewport });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  // axe comes in beside the policy that keeps foreign scripts out, as a browser extension would.
  const inspected = await browser.newContext({ colorScheme: theme, viewport, bypassCSP: true });
  await inspected.addInitScript({ path: axeFile });
  if (!script) await inspected.route("**/app.js", (route) => route.abort());
  const inspector = await inspected.newPage();
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (fault) => complaints.push(fault.message));

  const look = (name) =>
    check(`${name} (${label})`, async () => {
      assert((await page.title()).endsWith("Parallax"), `its title is ${await page.title()}`);
      assert((await page.locator("h1").count()) === 1, "it has not one heading");
      await inspector.goto(page.url());
      const wide = await inspector.evaluate(() => document.documentElement.scrollWidth);
      assert(wide <= width, `it is ${wide} px wide on a screen of ${width}`);
      await axe(inspector, name);
      if (pictures) await page.screenshot({ path: join(pictures, `${name}-${theme}-${width}${script ? "" : "-plain"}.png`), fullPage: true });
    });
  const follow = (name, where) =>
    check(`to ${name} (${label})`, async () => {
      await where().first().click();
      await page.waitForLoadState();
    });

  await page.goto(base + "/");
  await look("overview");
  await follow("compare", () => page.getByRole("navigation").getByRole("link", { name: "Compare", exact: true }));
  await look("compare");
  await check(`an area opens (${label})`, async () => {
    await page.locator('a.toggle[aria-expanded="false"]').first().click();
    await page.waitForLoadState();
    assert((await page.locator('a.toggle[aria-expanded="true"]').count()) >= 2, "no second area is open");
    assert(page.url().includes("open="), `the address does not say so: ${page.url()}`);
  });
  await look("compare-open");
  await follow("control", () => page.locator(".controls tr a[href^='/controls/']:visible"));
  await look("control");
  await page.goto(base + "/controls/ACC-02");
  await look("control-acc02");
  await page.goto(base + "/inventory?family=serverless");
  await look("inventory");
  await follow("asset", () => page.locator("#results th a"));
  await look("asset");
  await page.goto(base + "/findings");
  await look("findings");
  await follow("finding", () => page.locator("#results th a"));
  await look("finding");
  for (const name of ["controls", "connections"]) {
    await page.goto(`${base}/${name}`);
    await look(name);
  }
  await follow("connection", () => page.locator(".list th a"));
  await look("connection");
  await follow("run", () => page.locator(".list th a[href^='/runs/']"));
  await look("run");
  await page.goto(base + "/nothing-here");
  await look("no-such-page");
  await check(`nothing complains (${label})`, async () => {
    const real = complaints.filter((text) => !text.includes("404"));
    assert(real.length === 0, real.join("\n"));
  });
  await context.close();
  await inspected.close();
}

async function withScript(browser, base) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  await check("keys lead around", async () => {
    await page.goto(base + "/");
    await page.keyboard.press("g");
    await page.keyboard.press("f");
    await page.waitForURL("**/findings");
    await page.keyboard.press("?");
    assert(await page.locator("#keys").isVisible(), "the list of keys does not open");
    await page.keyboard.press("Escape");
  });
  await check("the inventory filters as one types", async () => {
    await page.goto(base + "/inventory");
    const name = await page.locator("#results th a").last().innerText();
    await page.keyboard.press("/");
    await page.keyboard.type(name);
    await page.waitForURL((url) => url.searchParams.get("q") === name);
    const shown = await page.locator("#results th a").allInnerTexts();
    assert(shown.length > 0 && shown.every((one) => one.includes(name)), `it shows ${shown.slice(0, 5)}`);
  });
  await check("a run is started by a click and followed to its end", async () => {
    await page.goto(base + "/connections");
    await page.locator(".list tbody tr").last().getByRole("button").click();
    await page.waitForURL("**/runs/*");
    await page.locator("h2", { hasText: "Gaps" }).waitFor({ timeout: 90_000 });
    assert(/Done/.test(await page.locator(".run-state").innerText()), "it did not end well");
  });
  await check("another site's form starts nothing", async () => {
    const address = await page.goto(base + "/connections").then(() => page.locator("form").first().getAttribute("action"));
    const answer = await fetch(base + address, { method: "POST", headers: { origin: "https://elsewhere.example" }, redirect: "manual" });
    assert(answer.status === 403, `it answers ${answer.status}`);
  });
  await context.close();
}

let browser;
try {
  if (pictures) mkdirSync(pictures, { recursive: true });
  const base = await start();
  browser = await chromium.launch({
    executablePath: process.env.PARALLAX_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  for (const theme of ["light", "dark"]) {
    for (const script of [false, true]) await walk(browser, base, { theme, script, width: 1440 });
    await walk(browser, base, { theme, script: true, width: 390 });
  }
  await withScript(browser, base);
} catch (fault) {
  failed.push("the walk itself");
  console.error(fault);
} finally {
  await browser?.close();
  if (server && server.exitCode == null) {
    server.kill("SIGTERM");
    await Promise.race([new Promise((ended) => server.once("exit", ended)), new Promise((late) => setTimeout(late, 8000))]);
    if (server.exitCode == null) server.kill("SIGKILL");
  }
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed.length} failed`);
process.exit(failed.length ? 1 : 0);
