// What the scripts share: the stand-ins' addresses and tokens, a count of checks, and a door with TLS.
//
// The tenant file of `lockstep sim --write-config` says where the stand-ins listen; its secrets buy real tokens.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";

/** Returns { url, token } of a section of the tenant file, with a token bought by its secret. */
export async function side(section) {
  const file = readFileSync(`${process.env.SIM_CONFIG}/tenants/contoso.toml`, "utf8");
  const part = file.split(`[${section}]`)[1].split("\n[")[0];
  const text = (key) => part.match(new RegExp(`^${key} = "(.*)"`, "m"))[1];
  const secret = readFileSync(part.match(/file = "(.*)"/)[1], "utf8").trim();
  const scope = section === "dataverse" ? `${text("url")}/.default` : "https://graph.microsoft.com/.default";
  const form = {
    grant_type: "client_credentials",
    client_id: text("client_id"),
    client_secret: secret,
    scope,
  };
  const answer = await fetch(text("token_url"), { method: "POST", body: new URLSearchParams(form) });
  assert.equal(answer.status, 200, await answer.clone().text());
  return { url: text("url"), token: (await answer.json()).access_token };
}

let passed = 0;

/** Runs one check and names it. */
export async function check(name, body) {
  try {
    await body();
    passed += 1;
    console.log(`  ok    ${name}`);
  } catch (error) {
    console.log(`  FAIL  ${name}\n        ${error.stack ?? error}`);
    process.exitCode = 1;
  }
}

/** Says how many checks passed. */
export function summary(client) {
  console.log(`${client}: ${passed} checks passed${process.exitCode ? ", some failed" : ""}`);
}

/**
 * Opens a door with TLS to the stand-in, for a client that speaks no plain http. Links in answers begin with the
 * door's own address, as those of a service behind a TLS terminator do. Returns its address and how to close it.
 */
export async function door(target) {
  const inner = new URL(target);
  const options = { key: readFileSync(process.env.TLS_KEY), cert: readFileSync(process.env.TLS_CERT) };
  const server = https.createServer(options, (request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const headers = { ...request.headers, host: inner.host };
      delete headers["accept-encoding"];
      const passOn = { host: inner.hostname, port: inner.port, path: request.url, method: request.method, headers };
      const onward = http.request(passOn, (answer) => {
        const parts = [];
        answer.on("data", (part) => parts.push(part));
        answer.on("end", () => {
          const outside = `https://127.0.0.1:${server.address().port}`;
          const text = Buffer.concat(parts).toString("utf8").replaceAll(inner.origin, outside);
          const sent = { ...answer.headers };
          delete sent["content-length"];
          delete sent["transfer-encoding"];
          response.writeHead(answer.statusCode, sent);
          response.end(text);
        });
      });
      onward.end(Buffer.concat(chunks));
    });
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: target.replace(inner.origin, `https://127.0.0.1:${server.address().port}`), close };
}
