/** What the HTTP layer refuses itself: it gets an answer that clients read, and one line in the log. */

import assert from "node:assert/strict";
import { connectTo, portOf, posted } from "./_client.ts";
import { CHAT, HELLO, ingress, pause, serves } from "./_ingress.ts";

interface Refusal {
  readonly bytes: string;
  readonly status: number;
  readonly code: string;
  /** The line that stands in the log for the request. */
  readonly line?: RegExp;
}

const post = (more: string, body = "0\r\n\r\n", version = "1.1") =>
  `POST ${CHAT} HTTP/${version}\r\nhost: a\r\nx-user: ann\r\n${more}\r\n${body}`;
const json = JSON.stringify(HELLO);
const chunks = `${json.length.toString(16)}\r\n${json}\r\n0\r\n\r\n`;

const TABLE: Readonly<Record<string, Refusal>> = {
  "what is no HTTP": {
    bytes: "\x16\x03\x01garbage\r\n\r\n",
    status: 400,
    code: "invalid_request",
    line: /"-" 400/,
  },
  "a malformed header": {
    bytes: "GET /healthz HTTP/1.1\r\nhost: a\r\nx y: z\r\n\r\n",
    status: 400,
    code: "invalid_request",
    line: /"GET \/healthz HTTP\/1\.1" 400/,
  },
  "a head that is too large": {
    bytes: `GET /healthz HTTP/1.1\r\nhost: a\r\nx: ${"y".repeat(20_000)}\r\n\r\n`,
    status: 431,
    code: "headers_too_large",
  },
  "no Host": { bytes: "GET /healthz HTTP/1.1\r\n\r\n", status: 400, code: "invalid_request" },
  "an expectation that nobody can meet": {
    bytes: post(`expect: a-miracle\r\ncontent-length: ${json.length}\r\n`, json),
    status: 417,
    code: "invalid_request",
  },
  "a tunnel": {
    bytes: "CONNECT evil:443 HTTP/1.1\r\nhost: evil:443\r\n\r\n",
    status: 405,
    code: "method_not_allowed",
    line: /"CONNECT evil:443 HTTP\/1\.1" 405/,
  },
  "a coding that is not understood": {
    bytes: post("transfer-encoding: gzip, chunked\r\n", chunks),
    status: 501,
    code: "invalid_request",
  },
  "the same in two headers": {
    bytes: post("transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n", chunks),
    status: 501,
    code: "invalid_request",
  },
  "chunks in HTTP/1.0": {
    bytes: post("transfer-encoding: chunked\r\n", chunks, "1.0"),
    status: 400,
    code: "invalid_request",
  },
  "another version": {
    bytes: post(`content-length: ${json.length}\r\n`, json, "2.0"),
    status: 505,
    code: "invalid_request",
  },
  "a chunk that is none": {
    bytes: post("transfer-encoding: chunked\r\n", `zz\r\n${json}\r\n0\r\n\r\n`),
    status: 400,
    code: "invalid_request",
  },
};

for (const [what, { bytes, status, code, line }] of Object.entries(TABLE)) {
  ingress(
    `${what} is refused with ${status} in JSON, and the log has a line of it`,
    async (proxy, client) => {
      client.write(bytes);
      await client.closed();
      const [head = "", body = ""] = client.text().split("\r\n\r\n");
      assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.match(head, /content-type: application\/json/i);
      assert.match(head, /x-request-id: req_/i);
      const { error } = JSON.parse(body);
      assert.deepEqual(Object.keys(error), ["message", "type", "param", "code"]);
      assert.equal(error.code, code);
      const entry = await proxy.logged();
      assert.deepEqual([entry.status, entry.outcome, entry.error], [status, "client_error", code]);
      assert.equal(entry.peer, "127.0.0.1");
      assert.equal(proxy.entries.length, 1);
      if (line) assert.match(await proxy.line(), line);
      assert.equal(proxy.providers.attempts.length, 0);
      await serves(proxy);
    },
  );
}

ingress(
  "a head that does not come in time is refused with 408, in JSON and in the log",
  async (proxy, client) => {
    client.write(`POST ${CHAT} HTTP/1.1\r\nhost: a\r\n`);
    await client.closed();
    assert.match(client.text(), /^HTTP\/1\.1 408 [\s\S]*"code":"request_timeout"/);
    const { status, outcome, error } = await proxy.logged();
    assert.deepEqual([status, outcome, error], [408, "client_error", "request_timeout"]);
  },
  { headers: 300 },
);

ingress("a refusal is in the words of the API that its path belongs to", async (proxy, client) => {
  client.write("POST /v1/messages HTTP/1.1\r\nhost: a\r\nx y: z\r\n\r\n");
  await client.closed();
  const body = JSON.parse(client.text().split("\r\n\r\n")[1] ?? "");
  assert.deepEqual([body.type, body.error.type], ["error", "invalid_request_error"]);
  assert.equal((await proxy.logged()).status, 400);
});

ingress(
  "who connects and says nothing, or leaves within a head, has made no request",
  async (proxy, client) => {
    await client.closed();
    assert.equal(client.text(), "");
    const begun = await connectTo(portOf(proxy.url));
    begun.write("GET /healthz HT");
    await pause(20);
    begun.leave();
    await pause(100);
    assert.deepEqual(proxy.entries, []);
    await serves(proxy);
  },
  { headers: 200 },
);

ingress("what cannot be read behind a request waits until that is answered", async (proxy, client) => {
  client.write(posted(CHAT, HELLO) + "garbage\r\n\r\n");
  await client.closed();
  const statuses = [...client.text().matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
  assert.deepEqual(statuses, ["200", "400"]);
  await proxy.logged(2);
  assert.deepEqual(proxy.entries.map(({ status }) => status), [200, 400]);
});

ingress("a storm of refusals leaves a line each, and the daemon as it was", async (proxy) => {
  const storm = 300;
  for (let wave = 0; wave < storm; wave += 30) {
    await Promise.all(Array.from({ length: 30 }, async () => {
      const client = await connectTo(portOf(proxy.url));
      client.write("nonsense\r\n\r\n");
      await client.closed();
    }));
  }
  await proxy.logged(storm);
  assert.equal(proxy.entries.length, storm);
  assert.deepEqual(proxy.appLog, []);
  await serves(proxy);
});
