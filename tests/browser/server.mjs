// Starts the demo on a free port with a data folder of its own, and leaves nothing behind.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PATIENCE = 180_000;

/** A port nobody answers at. */
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

/** Starts `$PARALLAX_BIN demo`, or uses what runs at `$PARALLAX_URL`. */
export async function start() {
  if (process.env.PARALLAX_URL) return { base: process.env.PARALLAX_URL.replace(/\/$/, ""), stop: async () => {} };
  const program = process.env.PARALLAX_BIN;
  if (!program) throw new Error("set PARALLAX_BIN to the parallax program, or PARALLAX_URL to a running dashboard");
  const folder = await mkdtemp(join(tmpdir(), "parallax-browser-"));
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const env = { ...process.env, PARALLAX_DATA_DIR: join(folder, "data") };
  delete env.DATABASE_URL;
  // Ours alone: the program knows its own settings and refuses to start with one it does not know.
  for (const ours of ["PARALLAX_DATABASE_URL", "PARALLAX_SCREENSHOTS", "PARALLAX_CHROMIUM"]) delete env[ours];
  const cloud = String(await freePort());
  const server = spawn(program, ["demo", "--assets", "300", "--listen", `127.0.0.1:${port}`, "--cloud-port", cloud], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [server.stdout, server.stderr]) stream.on("data", (data) => (said = (said + data).slice(-4_000)));
  const alive = () => {
    if (server.exitCode !== null) throw new Error(`the demo ended with code ${server.exitCode}:\n${said}`);
  };
  const stop = async () => {
    if (server.exitCode === null) {
      const gone = new Promise((resolve) => server.once("exit", resolve));
      server.kill("SIGTERM");
      if ((await Promise.race([gone, rest(10_000).then(() => "late")])) === "late") server.kill("SIGKILL");
    }
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await until("starting", async () => (await text(`${base}/healthz`)).status === 200, alive);
    await until("the first runs", () => read(base), alive);
  } catch (fault) {
    await stop();
    throw fault;
  }
  return { base, stop };
}
