/** Heads and framings that two parsers may read differently, hosts and targets that are more than they should be. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { connectTo, portOf, posted } from "./_client.ts";
import { CHAT, HELLO, ingress, MEBIBYTE, pause, serves } from "./_ingress.ts";

interface Head {
  readonly line?: string;
  readonly host?: string;
  readonly headers?: string;
  readonly body?: string;
}

const BODY = JSON.stringify(HELLO);
const LENGTH = Buffer.byteLength(BODY);
const CHUNKED = `${LENGTH.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`;

function rawRequest(
  { line = `POST ${CHAT} HTTP/1.1`, host = "host: a\r\n", headers = "", body = BODY }: Head,
): string {
  return `${line}\r\n${host}x-user: ann\r\n${headers}\r\n${body}`;
}

const length = `content-length: ${LENGTH}\r\n`;
const chunked = "transfer-encoding: chunked\r\n";

/** Requests that two parsers may read differently: none may be served. */
const AMBIGUOUS: Readonly<Record<string, Head>> = {
  "a length and chunks": { headers: `${length}${chunked}`, body: CHUNKED },
  "chunks and a length": { headers: `${chunked}${length}`, body: CHUNKED },
  "two lengths": { headers: `${length}content-length: 5\r\n` },
  "the same length twice": { headers: `${length}${length}` },
  "a list of lengths": { headers: `content-length: ${LENGTH}, ${LENGTH}\r\n` },
  "a length with a sign": { headers: `content-length: +${LENGTH}\r\n` },
  "a negative length": { headers: "content-length: -1\r\n" },
  "a length in hexadecimal": { headers: `content-length: 0x${LENGTH.toString(16)}\r\n` },
  "a length with a fraction": { headers: `content-length: ${LENGTH}.0\r\n` },
  "an empty length": { headers: "content-length:\r\n" },
  "a length of letters": { headers: "content-length: abc\r\n" },
  "a length past all numbers": { headers: "content-length: 99999999999999999999999\r\n" },
  "a length and a space": { headers: `content-length: ${LENGTH} 1\r\n` },
  "an unknown coding": { headers: "transfer-encoding: xchunked\r\n", body: CHUNKED },
  "chunked that is not the last coding": {
    headers: "transfer-encoding: chunked, identity\r\n",
    body: CHUNKED,
  },
  "identity as a coding": { headers: "transfer-encoding: identity\r\n" },
  "two codings of which chunked is the first": {
    headers: "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
    body: CHUNKED,
  },
  "a coding behind a vertical tab": { headers: "transfer-encoding: \x0bchunked\r\n", body: CHUNKED },
  "a folded header": { headers: `${length}x-folded: a\r\n b\r\n` },
  "a folded coding": { headers: "transfer-encoding:\r\n chunked\r\n", body: CHUNKED },
  "a space before the colon": { headers: `content-length : ${LENGTH}\r\n` },
  "a space before the colon of a coding": { headers: "transfer-encoding : chunked\r\n", body: CHUNKED },
  "a header without a name": { headers: `${length}: empty\r\n` },
  "a header without a colon": { headers: `${length}nonsense\r\n` },
  "a name with a space": { headers: `${length}x y: z\r\n` },
  "a null in a value": { headers: `${length}x: a\0b\r\n` },
  "a null in a name": { headers: `${length}x\0: b\r\n` },
  "a bare CR in a value": { headers: `${length}x: a\rb: c\r\n` },
  "a bare CR as a line's end": { line: `POST ${CHAT} HTTP/1.1\rx: y`, headers: length },
  "a space before the first header": { host: " host: a\r\n", headers: length },
  "a chunk's size with a sign": { headers: chunked, body: `+${CHUNKED}` },
  "a chunk's size with a prefix": { headers: chunked, body: `0x${CHUNKED}` },
  "a chunk's size past all numbers": { headers: chunked, body: `fffffffffffffffff\r\n${BODY}` },
  "a chunk's size that is none": { headers: chunked, body: `zz\r\n${BODY}\r\n0\r\n\r\n` },
  "a chunk longer than it says": { headers: chunked, body: `2\r\n${BODY}\r\n0\r\n\r\n` },
  "a chunk's extension with a bare LF": {
    headers: chunked,
    body: `${LENGTH.toString(16)};x\n${BODY}\r\n0\r\n\r\n`,
  },
  "no version": { line: `POST ${CHAT}`, headers: length },
  "a version that is none": { line: `POST ${CHAT} HTTP/1.x`, headers: length },
  "another protocol": { line: `POST ${CHAT} ICE/1.0`, headers: length },
  "a version 2 on this wire": { line: `POST ${CHAT} HTTP/2.0`, headers: length },
  "two spaces in the request line": { line: `POST  ${CHAT}  HTTP/1.1 x`, headers: length },
  "a method in small letters": { line: `post ${CHAT} HTTP/1.1`, headers: length },
  "no host": { host: "", headers: length },
  "two hosts": { host: "host: a\r\nhost: b\r\n", headers: length },
  "a list of hosts": { host: "host: a, b\r\n", headers: length },
};

for (const [what, head] of Object.entries(AMBIGUOUS)) {
  ingress(`F07: ${what} is refused, and the connection ends`, async (proxy, client) => {
    client.write(rawRequest(head));
    // Whoever waits for more of a body has not been misled; what it waits for must not be the next request.
    client.write("GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    await client.closed();
    assert(!/HTTP\/1\.1 200/.test(client.text()), client.text());
    assert.match(client.text(), /^(HTTP\/1\.1 (400|501|505) |$)/);
    assert.equal(proxy.providers.attempts.length, 0);
  });
}

const HOSTS = [
  "a/v1?",
  "a#",
  "a/healthz?x=",
  "a@evil",
  "a b",
  "a\\b",
  "http://a",
  "a:b",
  "a:1:2",
  "[::1",
  "a%2eb",
  '"a"',
  "",
];

ingress("F08: a Host that is more than a host and a port is refused before any routing", async (proxy) => {
  for (const host of HOSTS) {
    const client = await connectTo(portOf(proxy.url));
    client.write(`GET /healthz HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
    await client.closed();
    assert.match(client.text(), /^HTTP\/1\.1 400 /, host);
  }
  for (const host of ["a", "a.b-c:80", "127.0.0.1:4242", "[::1]:4242", "LOCALHOST"]) {
    const reply = await proxy.raw({ path: "/healthz", headers: { host } });
    assert.equal(reply.status, 200, host);
  }
});

const TARGETS = [
  "http://evil/healthz",
  "//evil/healthz",
  "//healthz",
  "/v1/../healthz",
  "/./healthz",
  "/v1/%2e%2e/healthz",
  "/%68ealthz",
  "/v1\\..\\healthz",
  "/HEALTHZ",
  "/healthz/",
  "/healthz;x",
  "/healthz%00",
  "/healthz#x",
  "/v1/chat/completions/",
  "*",
];

ingress("F08: a target is served by its exact path alone", async (proxy) => {
  for (const target of TARGETS) {
    const client = await connectTo(portOf(proxy.url));
    client.write(`GET ${target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`);
    await client.closed();
    assert.match(client.text(), /^HTTP\/1\.1 (400|404) /, target);
  }
  assert.equal((await proxy.raw({ path: "/healthz?anything=/../x" })).status, 200);
});

const REFUSED: Readonly<Record<string, string>> = {
  "a bad Host": rawRequest({ host: "host: a/b\r\n", headers: length }),
  "two hosts": rawRequest({ host: "host: a\r\nhost: a\r\n", headers: length }),
  "a body that is too large": posted(CHAT, HELLO, { "content-length": `${33 * MEBIBYTE}` }),
  "two framings": rawRequest({ headers: `${length}${chunked}`, body: CHUNKED }),
  "no such user": posted(CHAT, HELLO, { "x-user": "eve", "content-length": `${LENGTH + 1}` }),
};

for (const [what, bytes] of Object.entries(REFUSED)) {
  ingress(`F11: what follows ${what} on the same connection is not executed`, async (proxy, client) => {
    client.write(bytes + posted(CHAT, HELLO) + posted(CHAT, HELLO));
    await client.closed();
    assert.equal([...client.text().matchAll(/HTTP\/1\.1 \d/g)].length, 1, client.text());
    assert.match(client.text(), /^HTTP\/1\.1 4/);
    await pause(50);
    assert(proxy.entries.length <= 1, `${proxy.entries.length} requests were executed`);
    assert.equal(proxy.providers.attempts.length, 0);
    await serves(proxy);
  });
}

ingress("F11: well-formed requests in one go are answered in their order", async (proxy, client) => {
  client.write(
    posted(CHAT, HELLO, { "x-request-id": "one" }) +
      posted(CHAT, HELLO, { "x-request-id": "two", connection: "close" }),
  );
  await client.closed();
  const ids = [...client.text().matchAll(/x-request-id: (\w+)\r\n/g)].map(([, id]) => id);
  assert.deepEqual([...new Set(ids)], ["one", "two"]);
  assert.equal(proxy.providers.attempts.length, 2);
});
