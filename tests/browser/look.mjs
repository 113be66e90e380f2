// What is asked of every page, whatever it shows.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

import { check } from "./report.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const POLICY = ["default-src 'none'", "script-src 'self'", "style-src 'self'"];

/** Collects what a page complains about while it loads: errors, refused requests, foreign hosts. */
export function listen(page, base) {
  const complaints = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (fault) => complaints.push(`script: ${fault.message}`));
  page.on("requestfailed", (request) => {
    const why = request.failure()?.errorText ?? "";
    if (why !== "net::ERR_ABORTED") complaints.push(`request: ${request.url()} ${why}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(base) && !request.url().startsWith("data:")) complaints.push(`foreign: ${request.url()}`);
  });
  return complaints;
}

/** What axe finds wrong with the page as it is shown. */
export async function axe(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(
    (levels) => globalThis.axe.run(document, { runOnly: { type: "tag", values: levels } }),
    LEVELS,
  );
  return violations.map((one) => {
    const where = one.nodes.slice(0, 4).map((node) => `  ${node.target.join(" ")}\n    ${node.failureSummary?.split("\n").slice(1, 3).join(" ").trim()}`);
    return `${one.id}: ${one.help} (${one.nodes.length})\n${where.join("\n")}`;
  });
}

/** The elements that make the page scroll sideways. */
function overflowing() {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const scrolls = (element) => {
    for (let up = element.parentElement; up; up = up.parentElement) {
      if (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(up).overflowX)) return true;
    }
    return false;
  };
  const wide = [...document.body.querySelectorAll("*")].filter(
    (element) => element.getBoundingClientRect().right > width + 1 && !scrolls(element),
  );
  return [`${document.documentElement.scrollWidth} px of ${width}`, ...wide.slice(0, 5).map((one) => `${one.tagName}.${one.getAttribute("class")}`)];
}

/** Every check that holds of any page, and a picture of it where `$PARALLAX_SCREENSHOTS` names a folder. */
export async function look(page, scene, name, answer) {
  const where = `${scene.name} ${name}`;
  if (answer) {
    check(`${where}: answers ${scene.status ?? 200}`, answer.status() === (scene.status ?? 200), `${answer.status()} ${answer.url()}`);
    const policy = answer.headers()["content-security-policy"] ?? "";
    check(`${where}: keeps foreign code out`, POLICY.every((part) => policy.includes(part)) && !policy.includes("unsafe"), policy);
  }
  const headings = await page.locator("h1").count();
  const title = await page.title();
  check(`${where}: has one heading and a title`, headings === 1 && title.includes("Parallax"), `${headings} h1, title "${title}"`);
  if (scene.script) {
    // axe waits on timers, which stand still where scripts are off; the markup is the same.
    const violations = await axe(page);
    check(`${where}: axe finds nothing`, violations.length === 0, violations.join("\n"));
  }
  const wide = await page.evaluate(overflowing);
  check(`${where}: does not scroll sideways`, wide.length === 0, wide.join("\n"));
  if (process.env.PARALLAX_SCREENSHOTS) {
    const file = `${name}-${scene.name}`.replaceAll(" ", "-");
    await page.screenshot({ path: join(process.env.PARALLAX_SCREENSHOTS, `${file}.png`), fullPage: true });
  }
}
