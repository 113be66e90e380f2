// A certified OpenID provider for tests: its people, keys and habits are set while it runs.
//
//   PARALLAX_TEST_PROVIDER  the folder its packages are installed in
//   node provider.mjs PORT  answers on loopback, prints "ready"
//
// POST /control { accounts, redirects, out, rotate, thin } changes any of it. Somebody logs in by
// sending their account's name; there is no password.

import { generateKeyPairSync, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const folder = process.env.PARALLAX_TEST_PROVIDER ?? ".";
const entry = join(folder, "node_modules/oidc-provider/lib/index.js");
const { default: Provider } = await import(pathToFileURL(entry).href);

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const state = { accounts: {}, redirects: ["http://127.0.0.1/none"], out: ["http://127.0.0.1/none"], thin: true };
let keys = [];

function rotate() {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  keys = [{ ...privateKey.export({ format: "jwk" }), kid: randomUUID(), alg: "RS256", use: "sig" }];
}

async function grant(ctx) {
  const { client, session, provider } = ctx.oidc;
  const known = session.grantIdFor(client.clientId);
  if (known) return provider.Grant.find(known);
  const fresh = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  fresh.addOIDCScope("openid email profile groups");
  await fresh.save();
  return fresh;
}

function made() {
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "parallax",
        client_secret: "a secret of the tests",
        redirect_uris: state.redirects,
        post_logout_redirect_uris: state.out,
      },
    ],
    jwks: { keys },
    cookies: { keys: ["of the tests"] },
    scopes: ["openid", "email", "profile", "groups"],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
    // Thin tokens leave everything but the subject to userinfo, as the standard has it.
    conformIdTokenClaims: state.thin,
    findAccount: (_, sub) => state.accounts[sub] && { accountId: sub, claims: () => ({ sub, ...state.accounts[sub] }) },
    loadExistingGrant: grant,
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: {
        logoutSource: (ctx, form) => {
          ctx.body = `<!doctype html><title>Log out</title><h1>Log out?</h1>${form}<button form="op.logoutForm" name="logout" value="yes">Yes</button>`;
        },
      },
    },
    ttl: { Session: 600, Interaction: 600, Grant: 600, IdToken: 300, AccessToken: 300 },
  });
  return { provider, answer: provider.callback() };
}

async function body(request) {
  let text = "";
  for await (const part of request) text += part;
  return text;
}

const PAGE = `<!doctype html><html lang="en"><title>The provider</title><main><h1>The provider</h1>
<form method="post"><label>Account <input name="account" required></label><button>Log in there</button></form></main></html>`;

async function interact(request, response) {
  if (request.method === "GET") {
    response.setHeader("content-type", "text/html; charset=utf-8");
    return response.end(PAGE);
  }
  const account = new URLSearchParams(await body(request)).get("account");
  const result = state.accounts[account] ? { login: { accountId: account } } : { error: "access_denied" };
  return current.provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

async function control(request, response) {
  const asked = JSON.parse(await body(request));
  if (asked.rotate) rotate();
  delete asked.rotate;
  Object.assign(state, asked);
  current = made();
  response.end("done");
}

rotate();
let current = made();
createServer((request, response) => {
  const failed = (fault) => {
    response.statusCode = 500;
    response.end(String(fault));
  };
  if (request.url === "/control") control(request, response).catch(failed);
  else if (request.url.startsWith("/interaction/")) interact(request, response).catch(failed);
  else current.answer(request, response);
}).listen(port, "127.0.0.1", () => console.log("ready"));
