// Starts the program on a free port with a data folder of its own, and leaves nothing behind.

import { execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const PATIENCE = 180_000;

const run = promisify(execFile);

/** A port that was free a moment ago. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** Waits. */
export const rest = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function text(address) {
  const answer = await fetch(address, { signal: AbortSignal.timeout(5_000) });
  return { status: answer.status, body: await answer.text() };
}

/** Waits until `holds` is true; `alive` ends the waiting with its own words. */
export async function until(what, holds, alive) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    alive();
    if (await holds().catch(() => false)) return;
    if (Date.now() > end) throw new Error(`${what} took longer than ${PATIENCE / 1000} s`);
    await rest(250);
  }
}

/** Whether every connection has been read once and there are findings to look at. */
async function read(base) {
  const connections = await text(`${base}/connections`);
  const findings = await text(`${base}/findings`);
  const busy = />(Waiting|Reading|never)</.test(connections.body);
  return connections.status === 200 && !busy && /href="\/findings\/[0-9a-f-]{36}"/.test(findings.body);
}

/** Starts `$PARALLAX_BIN` with a data folder of its own; `more` are settings beside. */
async function launch(words, port, more = {}) {
  const program = process.env.PARALLAX_BIN;
  if (!program) throw new Error("set PARALLAX_BIN to the parallax program, or PARALLAX_URL to a running dashboard");
  const folder = await mkdtemp(join(tmpdir(), "parallax-browser-"));
  const env = { ...process.env, PARALLAX_DATA_DIR: join(folder, "data"), ...more };
  delete env.DATABASE_URL;
  // Ours alone: the program knows its own settings and refuses to start with one it does not know.
  for (const ours of ["PARALLAX_DATABASE_URL", "PARALLAX_SCREENSHOTS", "PARALLAX_CHROMIUM"]) delete env[ours];
  const server = spawn(program, words, { env, stdio: ["ignore", "pipe", "pipe"] });
  const one = { base: `http://127.0.0.1:${port}`, folder, said: "" };
  for (const stream of [server.stdout, server.stderr]) stream.on("data", (data) => (one.said = (one.said + data).slice(-4_000)));
  one.alive = () => {
    if (server.exitCode !== null) throw new Error(`the program ended with code ${server.exitCode}:\n${one.said}`);
  };
  one.stop = async () => {
    if (server.exitCode === null) {
      const gone = new Promise((resolve) => server.once("exit", resolve));
      server.kill("SIGTERM");
      if ((await Promise.race([gone, rest(10_000).then(() => "late")])) === "late") server.kill("SIGKILL");
    }
    await rm(folder, { recursive: true, force: true });
  };
  return one;
}

/** Waits until the program answers and `ready` holds; stops it where that never comes. */
async function settled(one, what, ready) {
  try {
    await until("starting", async () => (await text(`${one.base}/healthz`)).status === 200, one.alive);
    await until(what, () => ready(one), one.alive);
  } catch (fault) {
    await one.stop();
    throw fault;
  }
  return one;
}

/** Starts the demo, or uses what runs at `$PARALLAX_URL`. */
export async function start() {
  if (process.env.PARALLAX_URL) return { base: process.env.PARALLAX_URL.replace(/\/$/, ""), stop: async () => {} };
  const port = await freePort();
  const cloud = String(await freePort());
  const one = await launch(["demo", "--assets", "300", "--listen", `127.0.0.1:${port}`, "--cloud-port", cloud], port);
  return settled(one, "the first runs", () => read(one.base));
}

/** Starts the service people log in to, and takes the first owner's link from what it prints. */
export async function serve(more = {}) {
  const port = await freePort();
  const one = await launch(["serve"], port, { PARALLAX_LISTEN: `127.0.0.1:${port}`, ...more });
  return settled(one, "the first owner's link", async () => {
    one.link = one.said.match(/http:\/\/\S+\/welcome\/\S+/)?.[0];
    return Boolean(one.link);
  });
}

/** Does something to the private database of a program of ours. */
export async function behind(one, statement) {
  const { stdout } = await run("find", ["-L", one.folder, "-name", "postmaster.pid"]);
  // Its fifth line is the folder of the socket.
  const socket = (await readFile(stdout.trim().split("\n")[0], "utf8")).split("\n")[4];
  await run("psql", ["-h", socket, "-U", "postgres", "-d", "parallax", "-c", statement]);
}
