// Connecting sources by hand: an AWS account by a role in moto, a registry with a wrong password and
// then the right one. On a server of its own, which may reach this machine; both themes, both widths.
//
//   PARALLAX_TEST_MOTO  moto_server, where it is not on the path

import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { listen, look } from "./look.mjs";
import { check, step } from "./report.mjs";
import { freePort, rest, until } from "./server.mjs";

const ROLE = "arn:aws:iam::123456789012:role/parallax-reader";
// Words that stand nowhere else, so that a page that tells one of them is found out.
const [SECRET, WRONG, HOUSE] = ["plum-anvil-7391", "pear-anvil-2846", "fig-anvil-5107"];
// `ann` with the password `SECRET`, as htpasswd writes it with bcrypt.
const HTPASSWD = "ann:$2y$05$kaXk5TdZunb3cWE0lMyVHeFcyqVIjaVuMuIET3URcE0JLYbZBqhCa\n";

function run(program, args, env = {}) {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: "ignore" });
  child.on("error", (fault) => check(`${program} starts`, false, fault.message));
  return child;
}

async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  if ((await Promise.race([gone, rest(8_000).then(() => "late")])) === "late") child.kill("SIGKILL");
}

async function answers(address) {
  await until(address, async () => (await fetch(address, { signal: AbortSignal.timeout(3_000) })).status < 500, () => {});
}

/** A server, moto and a registry that asks for a password, all on this machine. */
async function open() {
  const folder = await mkdtemp(join(tmpdir(), "parallax-connect-"));
  const [port, cloud, images] = [await freePort(), await freePort(), await freePort()];
  await writeFile(join(folder, "htpasswd"), HTPASSWD);
  const registry = {
    version: 0.1,
    log: { level: "error", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, "images") } },
    http: { addr: `127.0.0.1:${images}` },
    auth: { htpasswd: { realm: "test", path: join(folder, "htpasswd") } },
  };
  await writeFile(join(folder, "registry.yml"), JSON.stringify(registry));
  const env = {
    PARALLAX_DATA_DIR: join(folder, "data"),
    PARALLAX_LISTEN: `127.0.0.1:${port}`,
    PARALLAX_LOGIN: "off",
    PARALLAX_OUTGOING: "loopback",
    PARALLAX_ENDPOINTS: "yes",
    PARALLAX_AWS_PRINCIPAL: "arn:aws:iam::999988887777:role/parallax",
    AWS_ACCESS_KEY_ID: "house",
    AWS_SECRET_ACCESS_KEY: HOUSE,
  };
  for (const name of Object.keys(process.env)) {
    if (/^(PARALLAX_|AWS_|DATABASE_URL$)/.test(name) && !(name in env)) env[name] = undefined;
  }
  const children = [
    run(process.env.PARALLAX_TEST_MOTO ?? "moto_server", ["-H", "127.0.0.1", "-p", String(cloud)]),
    run("docker-registry", ["serve", join(folder, "registry.yml")]),
    run(process.env.PARALLAX_BIN, ["serve"], env),
  ];
  const close = async () => {
    for (const child of children) await end(child);
    await rm(folder, { recursive: true, force: true });
  };
  const places = { base: `http://127.0.0.1:${port}`, moto: `http://127.0.0.1:${cloud}`, registry: `127.0.0.1:${images}` };
  try {
    await answers(`${places.base}/healthz`);
    await answers(`${places.moto}/moto-api/data.json`);
    await answers(`http://${places.registry}/v2/`);
  } catch (fault) {
    await close();
    throw fault;
  }
  return { ...places, close };
}

/** Does what leads to another page, and hands back the answer that shows it. */
async function leads(page, act) {
  const [answer] = await Promise.all([
    page.waitForResponse((one) => one.request().isNavigationRequest() && one.status() !== 303, { timeout: 60_000 }),
    act(),
  ]);
  await page.waitForLoadState("load");
  return answer;
}

const press = (page, name) => leads(page, () => page.getByRole("button", { name, exact: true }).click());
const follow = (page, name) => leads(page, () => page.getByRole("link", { name, exact: true }).click());

/** No page gives back a password, taken or refused, nor the key of the house. */
async function discreet(page, name) {
  const shown = `${page.url()}\n${await page.content()}`;
  const told = [SECRET, WRONG, HOUSE].filter((word) => shown.includes(word));
  check(`${name}: tells no secret`, told.length === 0, told.join(", "));
}

/** What is asked of every page, of its answer too, which `look` passes over where there is none. */
async function seen(page, scene, name, answer) {
  check(`${scene.name} ${name}: was answered`, Boolean(answer));
  await look(page, scene, name, answer);
  await discreet(page, `${scene.name} ${name}`);
}

/** The test on the page says that functions may be listed: the call is named whatever came of it. */
async function lists(page, scene, which) {
  const row = page.locator("#test tr", { hasText: "lambda:ListFunctions" }).first();
  const went = (await row.locator(".pill").first().textContent()).trim();
  check(`${scene.name}: ${which} says what works`, went === "Works", went);
}

async function read(page, name) {
  for (let tries = 0; tries < 60; tries += 1) {
    await page.reload();
    if ((await page.locator("main .pill", { hasText: /^(Done|Failed)/ }).count()) > 0) break;
    await rest(500);
  }
  const state = await page.locator("main .list tbody .pill", { hasText: /^(Done|Failed|Waiting|Reading)/ }).first().innerText();
  check(name, state.startsWith("Done"), state);
}

async function account(page, scene, places) {
  await seen(page, scene, "connect", await page.goto(`${places.base}/connections/new`));
  await seen(page, scene, "connect-aws", await follow(page, "An AWS account"));
  const word = (await page.locator("dd code").first().innerText()).trim();
  check(`${scene.name}: the external id is ours`, word.startsWith("plx-"), word);
  await page.getByLabel("Name").fill(`Production ${scene.name}`);
  await page.getByLabel("Role ARN").fill("parallax-reader");
  const refused = (await press(page, "Connect")).status();
  const alert = await page.getByRole("alert").innerText();
  check(`${scene.name}: a wrong ARN is named`, refused === 400 && alert.includes("role_arn"), `${refused} ${alert}`);
  await page.getByLabel("Role ARN").fill(ROLE);
  await page.getByLabel(/^Regions/).fill("eu-west-1");
  await page.getByLabel(/^Another endpoint/).fill(places.moto);
  const tested = await press(page, "Test first");
  await lists(page, scene, "the test");
  await seen(page, scene, "connect-aws-tested", tested);
  const made = (await press(page, "Connect")).status();
  check(`${scene.name}: the account is connected`, made === 200 && /\/connections\/[0-9a-f-]{36}$/.test(page.url()), `${made} ${page.url()}`);
  await read(page, `${scene.name}: the account is read by the role`);
  check(`${scene.name}: its page shows the external id`, (await page.getByText(word).count()) > 0);
  const again = await press(page, "Test");
  await lists(page, scene, "a test of what is kept");
  await seen(page, scene, "connection-tested", again);
  await seen(page, scene, "connection-settings", await follow(page, "Settings"));
  const remove = await follow(page, "Remove this connection");
  check(`${scene.name}: removing is asked on its own page`, page.url().endsWith("/remove"), page.url());
  await seen(page, scene, "connection-remove", remove);
}

async function registry(page, scene, places) {
  await seen(page, scene, "connect-registry", await page.goto(`${places.base}/connections/new/registry`));
  await page.getByLabel("Name").fill(`Registry ${scene.name}`);
  await page.getByLabel(/^Address/).fill(places.registry);
  await page.getByLabel(/Without TLS/).check();
  await page.getByLabel(/^User/).fill("ann");
  await page.getByLabel(/^Password/).fill(WRONG);
  const refused = await press(page, "Test first");
  const said = await page.locator("#test").innerText();
  check(`${scene.name}: a wrong password is told`, said.includes("credentials were refused"), said);
  check(`${scene.name}: and does not come back`, (await page.getByLabel(/^Password/).inputValue()) === "");
  await seen(page, scene, "connect-registry-wrong", refused);
  await page.getByLabel(/^Password/).fill(SECRET);
  await press(page, "Test first");
  check(`${scene.name}: the right one works`, (await page.locator("#test").innerText()).includes("Everything works"));
  check(`${scene.name}: nor does the right one come back`, (await page.getByLabel(/^Password/).inputValue()) === "");
  await discreet(page, `${scene.name} connect-registry-right`);
  await press(page, "Connect");
  await read(page, `${scene.name}: the registry is read`);
  check(`${scene.name}: its secret is kept`, (await page.getByText(/kept since/).count()) > 0);
  await discreet(page, `${scene.name} connection-registry`);
  await kept(page, scene);
  await seen(page, scene, "connect-azure", await page.goto(`${places.base}/connections/new/azure`));
  await seen(page, scene, "connect-organisation", await page.goto(`${places.base}/connections/new/organisation`));
}

/** The form of a connection there is shows the user and not the password. */
async function kept(page, scene) {
  const answer = await follow(page, "How it is reached");
  check(`${scene.name}: its form is shown`, answer.status() === 200, `${answer.status()} ${page.url()}`);
  const [user, password] = [await page.getByLabel(/^User/).inputValue(), await page.getByLabel(/^Password/).inputValue()];
  check(`${scene.name}: with the user and no password`, user === "ann" && password === "", user);
  await discreet(page, `${scene.name} connection-source`);
}

/** Connects sources in every scene that is given. */
export async function connect(browser, scenes) {
  const places = await open();
  try {
    for (const scene of scenes) {
      const options = { viewport: { width: scene.width, height: 900 }, colorScheme: scene.theme, javaScriptEnabled: scene.script, reducedMotion: "reduce" };
      const context = await browser.newContext(options);
      const page = await context.newPage();
      page.setDefaultTimeout(20_000);
      const complaints = listen(page, places.base);
      await step(`${scene.name}: an account`, () => account(page, scene, places));
      await step(`${scene.name}: a registry`, () => registry(page, scene, places));
      // A wrong field is answered with 400, which browsers note.
      const strange = complaints.filter((one) => !one.includes("status of 400"));
      check(`${scene.name}: nothing complained`, strange.length === 0, strange.join("\n"));
      await context.close();
    }
  } finally {
    await places.close();
  }
}
