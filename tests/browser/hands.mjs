// What hands do: the keyboard, the filters, and a run started by a click.

import { axe } from "./look.mjs";
import { check, step } from "./report.mjs";

const PAGES = ["/", "/compare", "/inventory", "/findings", "/controls", "/connections"];

async function focused(page) {
  return page.evaluate(() => {
    const element = document.activeElement;
    const style = getComputedStyle(element);
    const seen = style.outlineStyle !== "none" || style.boxShadow !== "none";
    return { href: element.getAttribute("href"), name: element.tagName, seen };
  });
}

async function keyboard(page, base) {
  await page.goto(`${base}/`);
  await page.keyboard.press("Tab");
  const first = await focused(page);
  check("keyboard: the first stop skips to the content", first.href?.startsWith("#"), JSON.stringify(first));
  const reached = new Set();
  let blind = 0;
  for (let stop = 0; stop < 60; stop += 1) {
    await page.keyboard.press("Tab");
    const now = await focused(page);
    if (now.href) reached.add(now.href);
    if (now.name !== "BODY" && !now.seen) blind += 1;
  }
  const missed = PAGES.filter((href) => !reached.has(href));
  check("keyboard: reaches the main links", missed.length === 0, `missed ${missed.join(", ")}`);
  check("keyboard: focus can be seen wherever it goes", blind === 0, `${blind} stops without an outline`);
}

async function shortcuts(page, base) {
  await page.goto(`${base}/`);
  await page.keyboard.press("g");
  await page.keyboard.press("c");
  await page.waitForURL(`${base}/compare`);
  check("shortcuts: g c goes to compare", true);
  await page.goto(`${base}/inventory`);
  await page.keyboard.press("/");
  const name = await page.evaluate(() => document.activeElement?.tagName);
  check("shortcuts: / goes to the filter", name === "INPUT", name);
  await page.goto(`${base}/`);
  await page.keyboard.press("?");
  check("shortcuts: ? lists them", await page.locator("dialog[open]").isVisible());
}

/** A check that never fails is none: axe has to find a fault that we plant. */
async function planted(page, base) {
  await page.goto(`${base}/`);
  await page.evaluate(() => document.querySelector("main").append(document.createElement("button")));
  const violations = await axe(page);
  check("axe finds a button without a name", violations.some((one) => one.startsWith("button-name")), violations.join());
}

async function filters(page, base, script) {
  await page.goto(`${base}/inventory`);
  const all = await page.locator("main tbody tr").count();
  const word = (await page.locator('main a[href^="/assets/"]').first().innerText()).trim().slice(0, 5);
  const field = page.locator('main form input[type="search"], main form input[type="text"]').first();
  await field.fill(word);
  await field.press("Enter");
  await page.waitForURL((address) => address.search.includes(encodeURIComponent(word)));
  await page.waitForLoadState("load");
  const names = await page.locator('main tbody a[href^="/assets/"]').allInnerTexts();
  const wrong = names.filter((one) => !one.toLowerCase().includes(word.toLowerCase()));
  const how = script ? "with script" : "without script";
  check(`filters ${how}: a part of a name narrows`, names.length > 0 && names.length <= all && wrong.length === 0, wrong.join(", "));
}

async function run(page, base, script) {
  const how = script ? "with script" : "without script";
  const runs = () => page.locator('main a[href^="/runs/"]').evaluateAll((links) => links.map((one) => one.getAttribute("href")));
  await page.goto(`${base}/connections`);
  const connection = await page.locator('main table a[href^="/connections/"]').first().getAttribute("href");
  await page.goto(`${base}${connection}`);
  const before = await runs();
  await page.locator('main form[method="post"] button').first().click();
  await page.waitForURL(/\/runs\/[0-9a-f-]{36}$/);
  const started = new URL(page.url()).pathname;
  check(`a run ${how}: starts by a click`, !before.includes(started), `${started} was there before`);
  await page.locator("main .pill", { hasText: /^Done/ }).first().waitFor({ timeout: 60_000 });
  check(`a run ${how}: its page follows it to the end`, new URL(page.url()).pathname === started, page.url());
  await page.goto(`${base}${connection}`);
  const after = await runs();
  check(`a run ${how}: stands first among the runs`, after[0] === started, `${started} is not first of ${after.join(", ")}`);
}

async function stranger(base) {
  const html = await (await fetch(`${base}/connections`)).text();
  const connection = html.match(/href="(\/connections\/[0-9a-f-]{36})"/)?.[1];
  const page = await (await fetch(`${base}${connection}`)).text();
  const action = page.match(/<form[^>]*method="post"[^>]*action="([^"]+)"/)?.[1] ?? page.match(/action="([^"]+)"[^>]*method="post"/)?.[1];
  const answer = await fetch(`${base}${action}`, { method: "POST", headers: { origin: "https://elsewhere.example", "sec-fetch-site": "cross-site" }, redirect: "manual" });
  check("a run cannot be started from another site", Boolean(action) && answer.status === 403, `${action} ${answer.status}`);
}

/** Uses the dashboard by hand, with script and without. */
export async function hands(browser, base) {
  await step("another site", () => stranger(base));
  for (const script of [true, false]) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, javaScriptEnabled: script });
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    if (script) {
      await step("keyboard", () => keyboard(page, base));
      await step("axe", () => planted(page, base));
      await step("shortcuts", () => shortcuts(page, base));
    }
    await step("filters", () => filters(page, base, script));
    await step("a run", () => run(page, base, script));
    await context.close();
  }
}
