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
// `ann` with the password `parallax`, as htpasswd writes it with bcrypt.
const HTPASSWD = "ann:$2y$05$BrVi/HP630mU1TIKyWac1.I1yVLflqG4OY6FNWdwycOJurJq/kZVG\n";

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
    AWS_SECRET_ACCESS_KEY: "house",
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

async function press(page, name) {
  const [answer] = await Promise.all([
    page.waitForResponse((one) => one.request().isNavigationRequest() && one.status() !== 303, { timeout: 60_000 }),
    page.getByRole("button", { name, exact: true }).click(),
  ]);
  await page.waitForLoadState("load");
  return answer;
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
  await page.goto(`${places.base}/connections/new`);
  await look(page, scene, "connect", null);
  await page.getByRole("link", { name: "An AWS account" }).click();
  await page.waitForLoadState("load");
  await look(page, scene, "connect-aws", null);
  const word = (await page.locator("dd code").first().innerText()).trim();
  check(`${scene.name}: the external id is ours`, word.startsWith("plx-"), word);
  await page.getByLabel("Name").fill(`Production ${scene.name}`);
  await page.getByLabel("Role ARN").fill("parallax-reader");
  await press(page, "Connect");
  check(`${scene.name}: a wrong ARN is named`, (await page.getByRole("alert").innerText()).includes("role_arn"));
  await page.getByLabel("Role ARN").fill(ROLE);
  await page.getByLabel(/^Regions/).fill("eu-west-1");
  await page.getByLabel(/^Another endpoint/).fill(places.moto);
  await press(page, "Test first");
  check(`${scene.name}: the test says what works`, (await page.locator("#test").textContent()).includes("lambda:ListFunctions"));
  await look(page, scene, "connect-aws-tested", null);
  await press(page, "Connect");
  check(`${scene.name}: the account is connected`, /\/connections\/[0-9a-f-]{36}$/.test(page.url()), page.url());
  await read(page, `${scene.name}: the account is read by the role`);
  check(`${scene.name}: its page shows the external id`, (await page.getByText(word).count()) > 0);
  await press(page, "Test");
  await look(page, scene, "connection-tested", null);
  await page.getByRole("link", { name: "Settings" }).click();
  await page.waitForLoadState("load");
  await look(page, scene, "connection-settings", null);
  await page.getByRole("link", { name: "Remove this connection" }).click();
  await page.waitForLoadState("load");
  await look(page, scene, "connection-remove", null);
}

async function registry(page, scene, places) {
  await page.goto(`${places.base}/connections/new/registry`);
  await look(page, scene, "connect-registry", null);
  await page.getByLabel("Name").fill(`Registry ${scene.name}`);
  await page.getByLabel(/^Address/).fill(places.registry);
  await page.getByLabel(/Without TLS/).check();
  await page.getByLabel(/^User/).fill("ann");
  await page.getByLabel(/^Password/).fill("not it");
  await press(page, "Test first");
  const said = await page.locator("#test").innerText();
  check(`${scene.name}: a wrong password is told`, said.includes("credentials were refused"), said);
  check(`${scene.name}: and does not come back`, (await page.getByLabel(/^Password/).inputValue()) === "");
  await look(page, scene, "connect-registry-wrong", null);
  await page.getByLabel(/^Password/).fill("parallax");
  await press(page, "Test first");
  check(`${scene.name}: the right one works`, (await page.locator("#test").innerText()).includes("Everything works"));
  await press(page, "Connect");
  await read(page, `${scene.name}: the registry is read`);
  check(`${scene.name}: its secret is kept and not shown`, (await page.getByText(/kept since/).count()) > 0 && !(await page.content()).includes("parallax\""));
  await look(page, scene, "connect-azure", await page.goto(`${places.base}/connections/new/azure`));
  await page.goto(`${places.base}/connections/new/organisation`);
  await look(page, scene, "connect-organisation", null);
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
