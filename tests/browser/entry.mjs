// Coming in as people do: the first owner's link, a second factor, a session that slept, a provider,
// a role that may not, another tenant. With script and without, in a service of its own.

import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { fileURLToPath } from "node:url";

import { look } from "./look.mjs";
import { check, step } from "./report.mjs";
import { behind, freePort, serve } from "./server.mjs";

const PASSWORD = "correct horse battery staple";
const OWNER = "ada@example.org";
const PEOPLE = {
  vic: { email: "vic@example.org", email_verified: true, name: "Vic", groups: ["readers"] },
  tess: { email: "tess@example.com", email_verified: true, name: "Tess", groups: ["readers"] },
};

/** The code an authenticator shows for a secret typed in base32, some steps from now. */
function code(typed, steps = 0) {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...typed.replaceAll(" ", "")].map((one) => letters.indexOf(one).toString(2).padStart(5, "0")).join("");
  const secret = Buffer.from(bits.match(/.{8}/g).map((eight) => parseInt(eight, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const mac = createHmac("sha1", secret).update(counter).digest();
  const at = mac[19] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

/** The certified provider the tests of the server use, too. */
async function provider() {
  const port = await freePort();
  const script = fileURLToPath(new URL("../provider/provider.mjs", import.meta.url));
  const child = spawn(process.execPath, [script, String(port)], { stdio: ["ignore", "pipe", "ignore"] });
  await new Promise((resolve, reject) => {
    child.stdout.on("data", (data) => String(data).includes("ready") && resolve());
    child.once("exit", () => reject(new Error("the provider did not start: ./dev setup installs it")));
  });
  const issuer = `http://127.0.0.1:${port}`;
  const set = (what) => fetch(`${issuer}/control`, { method: "POST", body: JSON.stringify(what) });
  return { issuer, set, stop: () => child.kill() };
}

/** Presses a button of a form and waits for what comes of it. */
async function press(page, button) {
  const answered = page.waitForResponse((one) => one.request().isNavigationRequest() && one.request().method() === "POST");
  await button.click();
  const answer = await answered;
  await page.waitForLoadState("load");
  return answer;
}

async function send(page, form, fields) {
  for (const [name, value] of Object.entries(fields)) {
    const field = page.locator(`${form} [name="${name}"]`);
    if ((await field.evaluate((one) => one.tagName)) === "SELECT") await field.selectOption(value);
    else await field.fill(value);
  }
  return press(page, page.locator(`${form} button`).last());
}

const heading = (page) => page.locator("h1").innerText();
const alert = (page) => page.locator('[role="alert"]').innerText();

async function leave(page) {
  await press(page, page.locator('form[action="/logout"] button'));
}

async function password(page, scene, word = PASSWORD) {
  return send(page, 'form[action="/login"]', { email: OWNER, password: word });
}

async function setUp(page, scene, house) {
  await look(page, scene, "set-up", await page.goto(house.link));
  const form = 'form[method="post"].fields';
  await send(page, form, { email: OWNER, name: "Ada", password: PASSWORD });
  check(`${scene.name}: the first link makes an owner`, (await page.locator(".who").innerText()).includes("Owner"));
  const again = await page.context().request.get(house.link);
  check(`${scene.name}: and works once`, again.status() === 404, again.status());
}

/** Switches the second factor on. Returns the secret and the recovery codes. */
async function factor(page, scene, house) {
  await look(page, scene, "second-factor", await page.goto(`${house.base}/account/second-factor`));
  const typed = await page.locator("main p code").innerText();
  const form = 'form[action="/account/second-factor"]';
  await send(page, form, { code: "000000" });
  check(`${scene.name}: a wrong code does not switch it on`, (await alert(page)).includes("not right"));
  await send(page, form, { code: code(typed) });
  const codes = await page.locator(".codes code").allInnerTexts();
  check(`${scene.name}: a right one does, and gives recovery codes`, codes.length === 10, codes.length);
  await leave(page);
  await password(page, scene, "not her password at all");
  check(`${scene.name}: a wrong password does not let in`, (await alert(page)).includes("do not match"));
  await password(page, scene);
  await look(page, scene, "code", null);
  const ask = 'form[action="/login/code"]';
  await send(page, ask, { code: "000000" });
  check(`${scene.name}: nor does a wrong code`, (await alert(page)).includes("wrong"));
  await send(page, ask, { code: code(typed, 1) });
  check(`${scene.name}: the code does`, (await page.locator(".who").count()) === 1);
  return codes;
}

async function sleep(page, scene, house, codes) {
  await behind(house, "UPDATE sessions SET seen_at = seen_at - interval '9 hours'");
  await page.goto(`${house.base}/findings?severity=high`);
  check(`${scene.name}: a session that slept leads to the log-in`, page.url().includes("/login?next="), page.url());
  await password(page, scene);
  await send(page, 'form[action="/login/code"]', { code: codes[0] });
  check(`${scene.name}: and on to where one wanted to go`, page.url().endsWith("/findings?severity=high"), page.url());
}

/** Adds a provider to the tenant looked at. Returns the address it sends people back to. */
async function add(page, scene, house, idp, name, domain) {
  const answer = await page.goto(`${house.base}/providers`);
  await look(page, scene, "providers", answer);
  const back = await page.locator("main dd code").first().innerText();
  await send(page, 'form[action="/providers"]', {
    name,
    issuer: idp.issuer,
    client_id: "parallax",
    client_secret: "a secret of the tests",
    domains: domain,
    groups_claim: "groups",
    roles: "readers = viewer",
  });
  check(`${scene.name}: ${name} is added`, (await heading(page)) === name, await heading(page));
  await look(page, scene, "provider", null);
  await press(page, page.getByRole("button", { name: "Check it now" }));
  check(`${scene.name}: and found well`, (await page.locator(".verdict.pass").count()) >= 5);
  await look(page, scene, "provider-checked", null);
  return back;
}

/** At the provider: says who one is there. */
async function there(page, idp, account) {
  await page.waitForURL((url) => url.href.startsWith(idp.issuer));
  await page.fill('[name="account"]', account);
  await page.getByRole("button", { name: "Log in there" }).click();
}

async function viewer(page, scene, house, idp) {
  await look(page, scene, "login-provider", await page.goto(`${house.base}/login?next=/controls`));
  await page.getByRole("link", { name: "Log in with Acme" }).click();
  await there(page, idp, "vic");
  await page.waitForURL(`${house.base}/controls`);
  const who = await page.locator(".who").innerText();
  check(`${scene.name}: a provider lets in, as what its groups give`, who.includes("Vic") && who.includes("Viewer"), who);
  await look(page, { ...scene, status: 403 }, "refused", await page.goto(`${house.base}/people`));
  check(`${scene.name}: a viewer is refused what is not theirs`, (await heading(page)) === "Not yours to do");
  check(`${scene.name}: and not offered it`, (await page.locator('nav a[href="/people"]').count()) === 0);
  await page.goto(`${house.base}/account`);
  check(`${scene.name}: the account says where the second factor is`, (await page.getByText("You logged in at Acme").count()) === 1);
  await leave(page);
  await page.waitForURL((url) => url.href.startsWith(idp.issuer));
  await page.getByRole("button", { name: "Yes" }).click();
  await page.waitForURL((url) => url.href.startsWith(`${house.base}/login`));
  check(`${scene.name}: logging out leaves the provider, too`, true);
}

async function tenants(page, scene, house, idp, codes, first) {
  await page.goto(`${house.base}/login`);
  await password(page, scene);
  await send(page, 'form[action="/login/code"]', { code: codes[1] });
  await page.goto(`${house.base}/tenant`);
  await send(page, 'form[action="/tenant/new"]', { name: "Elsewhere" });
  const who = () => page.locator(".who").innerText();
  check(`${scene.name}: another tenant is made and looked at`, (await who()).includes("Elsewhere"));
  const second = await add(page, scene, house, idp, "Twin", "example.com");
  await idp.set({ redirects: [first, second] });
  await page.goto(`${house.base}/account`);
  await send(page, 'form[action="/account/tenant"]', { tenant: { label: "default (Owner)" } });
  check(`${scene.name}: switching looks at the other`, (await who()).includes("default"), await who());
  await leave(page);
  // Two tenants have providers now: an address leads to its own, by a form.
  await look(page, scene, "login-address", await page.goto(`${house.base}/login`));
  await page.fill("#work-email", "tess@example.com");
  await page.getByRole("button", { name: "Go on to its log-in" }).click();
  await there(page, idp, "tess");
  await page.waitForURL(`${house.base}/`);
  check(`${scene.name}: an address leads to its provider and in`, (await who()).includes("Elsewhere"), await who());
}

async function all(browser, scene, house, idp) {
  const context = await browser.newContext({
    viewport: { width: scene.width, height: 900 },
    colorScheme: scene.theme,
    javaScriptEnabled: scene.script,
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const refused = [];
  page.on("console", (message) => message.text().includes("Content Security Policy") && refused.push(message.text()));
  await step(`${scene.name}: set-up`, () => setUp(page, scene, house));
  const codes = await step(`${scene.name}: second factor`, () => factor(page, scene, house));
  await step(`${scene.name}: a session that slept`, () => sleep(page, scene, house, codes));
  const back = await step(`${scene.name}: a provider`, () => add(page, scene, house, idp, "Acme", "example.org"));
  await idp.set({ accounts: PEOPLE, redirects: [back], out: [`${house.base}/login`] });
  await leave(page);
  await step(`${scene.name}: at the provider`, () => viewer(page, scene, house, idp));
  await step(`${scene.name}: tenants`, () => tenants(page, scene, house, idp, codes, back));
  check(`${scene.name}: the policy kept nobody from the way`, refused.length === 0, refused.join("\n"));
  await context.close();
}

/** Comes in every way there is. */
export async function entry(browser) {
  for (const script of [true, false]) {
    const scene = { name: `entry${script ? "" : " noscript"}`, theme: script ? "light" : "dark", width: script ? 1440 : 390, script };
    const house = await serve({ PARALLAX_OUTGOING: "loopback" });
    const idp = await provider();
    try {
      await all(browser, scene, house, idp);
    } finally {
      idp.stop();
      await house.stop();
    }
  }
}
