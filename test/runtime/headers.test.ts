import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { hashOf, makeKey } from "../../src/access/keys.ts";
import { headersOf } from "../../src/runtime/headers.ts";
import { withProxy } from "../tools/proxy.ts";
import { connectTo, portOf } from "../faults/_client.ts";

function read(rawHeaders: string[], headers: Record<string, string>) {
  return headersOf({ rawHeaders, headers } as unknown as IncomingMessage);
}

test("of headers that say who asks all values are kept, each once", () => {
  const headers = { host: "a", authorization: "Bearer a" };
  assert.equal(read(["Host", "a", "Authorization", "Bearer a"], headers), headers);
  assert.deepEqual(read(["Authorization", "Bearer a", "AUTHORIZATION", "Bearer b", "Host", "a"], headers), {
    host: "a",
    authorization: "Bearer a, Bearer b",
  });
  assert.deepEqual(read(["authorization", "Bearer a", "authorization", "Bearer a"], headers), headers);
});

const [ANN, BOB] = [makeKey(new Uint8Array(32).fill(1)), makeKey(new Uint8Array(32).fill(2))];
const config = {
  users: {
    ann: { keys: [{ hash: hashOf(ANN) }], models: [{ name: "m" }] },
    bob: { keys: [{ hash: hashOf(BOB) }], models: [{ name: "m" }] },
  },
  models: { m: { provider: "openai", model: "healthy" } },
};

const TABLE: readonly (readonly [title: string, lines: readonly string[], status: number])[] = [
  ["two bearers that differ", [`Authorization: Bearer ${ANN}`, `Authorization: Bearer ${BOB}`], 401],
  ["the same, the other way round", [`Authorization: Bearer ${BOB}`, `authorization: Bearer ${ANN}`], 401],
  ["the same bearer twice", [`Authorization: Bearer ${ANN}`, `Authorization: Bearer ${ANN}`], 200],
  ["two of another header", [`x-api-key: ${ANN}`, `X-API-KEY: ${BOB}`], 401],
  ["the same of another header twice", [`api-key: ${ANN}`, `Api-Key: ${ANN}`], 200],
  [
    "a login of somebody else before a bearer",
    ["Authorization: Basic eDp5", `Authorization: Bearer ${ANN}`],
    200,
  ],
  ["a login of somebody else beside a key", ["Authorization: Basic eDp5", `x-goog-api-key: ${ANN}`], 200],
  ["two bearers that differ beside a key", [
    `Authorization: Bearer ${ANN}`,
    `Authorization: Bearer ${BOB}`,
    `x-api-key: ${ANN}`,
  ], 401],
];

for (const [title, lines, status] of TABLE) {
  test(`on the wire: ${title} gets ${status}`, () =>
    withProxy({ config }, async (proxy) => {
      const client = await connectTo(portOf(proxy.url));
      client.write(
        `GET /v1/models HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${lines.join("\r\n")}\r\n\r\n`,
      );
      await client.closed();
      assert.match(client.text(), new RegExp(`^HTTP/1\\.1 ${status} `));
    }));
}

test("a key in the query is none", () =>
  withProxy({ config }, async (proxy) => {
    for (const name of ["key", "api-key", "api_key", "x-api-key", "access_token"]) {
      assert.equal((await proxy.raw({ path: `/v1/models?${name}=${ANN}` })).status, 401);
    }
  }));
