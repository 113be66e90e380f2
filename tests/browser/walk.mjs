// The way a person goes: from the difference to the control, the asset, the finding, and back to
// where the facts come from. Every step is a click on a link that the page offers.

import { check, step } from "./report.mjs";
import { listen, look } from "./look.mjs";

const ASSET = 'main a[href^="/assets/"]';
const FINDING = 'main a[href^="/findings/"]:not([href*="?"])';

async function follow(page, link) {
  const address = await link.getAttribute("href");
  const [answer] = await Promise.all([page.waitForResponse((one) => one.request().isNavigationRequest()), link.click()]);
  await page.waitForLoadState("load");
  return { answer, address };
}

function nav(page, name) {
  return page.getByRole("navigation").getByRole("link", { name, exact: false }).first();
}

/** Opens an area, then all of them, and finds a control that fails somewhere. */
async function failingControl(page, scene) {
  const closed = page.locator('main a.toggle[aria-expanded="false"]').first();
  const inside = page.locator(`#${await closed.getAttribute("aria-controls")}`);
  await closed.click();
  await inside.waitFor({ state: "visible" });
  check(`${scene.name}: an area opens into its controls`, await inside.isVisible());
  const all = page.getByRole("link", { name: "Open all areas" });
  if ((await all.count()) > 0) await follow(page, all);
  const links = page.locator('main a[href^="/controls/"]:visible');
  check(`${scene.name}: compare offers its controls`, (await links.count()) >= 30, `${await links.count()} links`);
  const wanted = links.filter({ hasText: /ACC-07|ACC-02|HST-04/ });
  return (await wanted.count()) > 0 ? wanted.first() : links.first();
}

async function main(page, scene, base) {
  await look(page, scene, "overview", await page.goto(`${base}/`));
  const compare = await follow(page, nav(page, "Compare"));
  await look(page, scene, "compare", compare.answer);
  const control = await follow(page, await failingControl(page, scene));
  await look(page, scene, "control", control.answer);
  const asset = await follow(page, page.locator(ASSET).first());
  await look(page, scene, "asset", asset.answer);
  const finding = await follow(page, page.locator(FINDING).first());
  await look(page, scene, "finding", finding.answer);
  check(`${scene.name}: the finding leads back to its asset`, (await page.locator(`main a[href="${asset.address}"]`).count()) > 0);
}

/** From findings to a ticket and its story; where another scene made them, what there is. */
async function tickets(page, scene, base) {
  await page.goto(`${base}/findings`);
  const boxes = page.locator('input[name="finding"]');
  check(`${scene.name}: findings can be chosen`, (await boxes.count()) > 5);
  for (const one of [0, 1, 2, 3]) await boxes.nth(one).check();
  const preview = await follow(page, page.getByRole("button", { name: "Make tickets of those chosen" }));
  await look(page, scene, "ticket-open", preview.answer);
  const make = page.locator('form[action="/tickets"] button');
  if ((await make.count()) > 0) await follow(page, make);
  const { answer } = await follow(page, nav(page, "Tickets"));
  await look(page, scene, "tickets", answer);
  const ticket = await follow(page, page.locator('main table a[href^="/tickets/"]').first());
  await look(page, scene, "ticket", ticket.answer);
  await page.getByLabel("Comment").fill("Seen by the walk.");
  await follow(page, page.getByRole("button", { name: "Say it" }));
  check(`${scene.name}: a comment stands in the story`, (await page.getByText("Seen by the walk.").count()) > 0);
  await look(page, scene, "board", await page.goto(`${base}/tickets?view=board`));
  await look(page, scene, "ticket-policy", await page.goto(`${base}/tickets/policy`));
  await look(page, scene, "digests", await page.goto(`${base}/digests`));
  await page.getByLabel("Name").fill("Every morning");
  await follow(page, page.getByRole("button", { name: "Make it" }));
  await look(page, scene, "digest", await page.reload());
  await follow(page, page.getByRole("link", { name: "As mail programs show it" }));
  if (process.env.PARALLAX_SCREENSHOTS) {
    await page.screenshot({ path: `${process.env.PARALLAX_SCREENSHOTS}/mail-${scene.name.replaceAll(" ", "-")}.png`, fullPage: true });
  }
  await look(page, scene, "api", await page.goto(`${base}/api/docs`));
}

async function lists(page, scene, base) {
  for (const name of ["Inventory", "Findings", "Controls", "Connections"]) {
    await page.goto(`${base}/`);
    const { answer } = await follow(page, nav(page, name));
    await look(page, scene, name.toLowerCase(), answer);
  }
  const connection = await follow(page, page.locator('main table a[href^="/connections/"]').first());
  await look(page, scene, "connection", connection.answer);
  const run = await follow(page, page.locator('main a[href^="/runs/"]').first());
  await look(page, scene, "run", run.answer);
}

async function lost(page, scene, base) {
  const answer = await page.goto(`${base}/assets/00000000-0000-0000-0000-000000000000`);
  await look(page, { ...scene, status: 404 }, "not-found", answer);
  const wrong = await page.goto(`${base}/inventory?family=wat`);
  await look(page, { ...scene, status: 400 }, "wrong-address", wrong);
}

/** Walks every page of the dashboard as `scene` sets the browser. */
export async function walk(browser, scene, base) {
  const context = await browser.newContext({
    viewport: { width: scene.width, height: 900 },
    colorScheme: scene.theme,
    javaScriptEnabled: scene.script,
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints = listen(page, base);
  await step(`${scene.name}: the walk`, () => main(page, scene, base));
  await step(`${scene.name}: the lists`, () => lists(page, scene, base));
  await step(`${scene.name}: tickets`, () => tickets(page, scene, base));
  check(`${scene.name}: nothing complained`, complaints.length === 0, complaints.join("\n"));
  await step(`${scene.name}: lost`, () => lost(page, scene, base));
  await context.close();
}
