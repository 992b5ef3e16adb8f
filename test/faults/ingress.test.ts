/** What clients may send to the socket itself: too slow, too much, and what two parsers would read differently. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { listen } from "../../src/runtime/listen.ts";
import { configOf, type Proxy, type ProxyOptions, until, withProxy } from "../tools/proxy.ts";
import { type Client, connectTo, portOf, posted } from "./_client.ts";

const CHAT = "/v1/chat/completions";
const HELLO = { model: "m", messages: [{ role: "user", content: "Hello" }] };
const MEBIBYTE = 1024 * 1024;
const config = configOf({ m: { provider: "openai", model: "healthy" } });

function ingress(
  title: string,
  run: (proxy: Proxy, client: Client) => Promise<void>,
  limits: ProxyOptions["limits"] = {},
): void {
  test(title, () =>
    withProxy({ config, limits }, async (proxy) => {
      const client = await connectTo(portOf(proxy.url));
      try {
        await run(proxy, client);
      } finally {
        client.leave();
      }
    }));
}

/** Still serves whoever behaves. */
async function serves(proxy: Proxy): Promise<void> {
  assert.equal((await proxy.raw({ path: "/healthz" })).status, 200);
  assert.equal((await proxy.post("ann", CHAT, HELLO)).status, 200);
}

ingress("F01: a head that drips in is cut off, while others are served", async (proxy, client) => {
  client.write(`POST ${CHAT} HTTP/1.1\r\nhost: a\r\n`);
  const drip = setInterval(() => client.write("x"), 20);
  await serves(proxy);
  await client.closed();
  clearInterval(drip);
  assert.match(client.text(), /^(HTTP\/1\.1 408 |$)/);
  assert.equal(proxy.providers.attempts.length, 1);
}, { headers: 300 });

ingress(
  "F02: a body that does not arrive in time is refused with 408, and nobody is asked",
  async (proxy, client) => {
    client.write(posted(CHAT, HELLO, { "content-length": "1000" }));
    await client.closed();
    assert.match(client.text(), /^HTTP\/1\.1 408 [\s\S]*"code":"request_timeout"/);
    assert.match(client.text(), /connection: close/i);
    const { status, outcome, error } = await proxy.logged();
    assert.deepEqual([status, outcome, error], [408, "client_error", "request_timeout"]);
    assert.equal(proxy.providers.attempts.length, 0);
  },
  { body: 250, bodyGrace: 200 },
);

ingress("F02: a body that drips in is refused, though something always comes", async (proxy, client) => {
  client.write(posted(CHAT, HELLO, { "content-length": "100000" }));
  const drip = setInterval(() => client.write(" "), 20);
  await client.closed();
  clearInterval(drip);
  assert.match(client.text(), /^HTTP\/1\.1 408 /);
  assert.equal((await proxy.logged()).error, "request_timeout");
  assert.equal(proxy.providers.attempts.length, 0);
}, { bodyGrace: 200 });

ingress("F03: a head of more than 16 KiB is refused with 431", async (proxy, client) => {
  client.write(`GET /healthz HTTP/1.1\r\nhost: a\r\nx: ${"y".repeat(20_000)}\r\n\r\n`);
  await client.closed();
  assert.match(client.text(), /^HTTP\/1\.1 431 [\s\S]*"code":"headers_too_large"/);
  await serves(proxy);
});

ingress("F03: more than 100 headers are refused with 431", async (proxy, client) => {
  const headers = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`x-${index}`, "1"]));
  client.write(posted(CHAT, HELLO, headers));
  await client.closed();
  assert.match(client.text(), /^HTTP\/1\.1 431 [\s\S]*"code":"headers_too_large"/);
  assert.equal((await proxy.logged()).status, 431);
  assert.equal(proxy.providers.attempts.length, 0);
});

ingress("F04: a body that announces more than 32 MiB is refused before it is read", async (proxy, client) => {
  client.write(posted(CHAT, HELLO, { "content-length": `${33 * MEBIBYTE}` }));
  await client.closed();
  assert.match(client.text(), /^HTTP\/1\.1 413 [\s\S]*"code":"request_too_large"/);
  assert.equal((await proxy.logged()).status, 413);
  assert.equal(proxy.providers.attempts.length, 0);
});

ingress("F05: a body that turns out larger is refused at the limit", async (proxy, client) => {
  client.write(`POST ${CHAT} HTTP/1.1\r\nhost: a\r\nx-user: ann\r\ntransfer-encoding: chunked\r\n\r\n`);
  const chunk = `100000\r\n${" ".repeat(MEBIBYTE)}\r\n`;
  for (let sent = 0; sent < 40 && !client.socket.destroyed; sent++) {
    if (!client.socket.write(chunk)) await drained(client);
  }
  await client.closed();
  assert.match(client.text(), /^HTTP\/1\.1 413 [\s\S]*"code":"request_too_large"/);
  assert.equal((await proxy.logged()).status, 413);
  assert.equal(proxy.providers.attempts.length, 0);
});

function drained({ socket }: Client): Promise<void> {
  return new Promise((resolve) => {
    socket.once("drain", resolve);
    socket.once("close", () => resolve());
  });
}

ingress(
  "F06: more large bodies than there is memory for are turned away before they are read",
  async (proxy, client) => {
    const large = posted(CHAT, HELLO, { "content-length": `${32 * MEBIBYTE}` });
    const others = await Promise.all(Array.from({ length: 8 }, () => connectTo(portOf(proxy.url))));
    for (const other of others) other.write(large);
    await pause(100);
    client.write(large);
    await client.closed();
    assert.match(client.text(), /^HTTP\/1\.1 503 [\s\S]*"code":"overloaded"/);
    assert.match(client.text(), /retry-after: [1-3]\r\n/i);
    const { outcome } = await proxy.logged();
    assert.equal(outcome, "overloaded");
    assert.equal((await proxy.raw({ path: "/healthz" })).status, 200);
    // What they held is given back when they go.
    for (const other of others) other.leave();
    await until(() => proxy.entries.length >= 10);
    await serves(proxy);
  },
);

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

ingress("F09: another method is 405 with what is allowed, and no tunnel is opened", async (proxy, client) => {
  for (const method of ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"]) {
    const reply = await proxy.raw({ method, path: CHAT, headers: { "x-user": "ann" } });
    assert.equal(reply.status, 405, method);
    assert.equal(reply.headers["allow"], "POST");
    assert.equal(reply.json().error.code, "method_not_allowed");
  }
  client.write("CONNECT evil:443 HTTP/1.1\r\nhost: evil:443\r\n\r\n");
  await client.closed();
  assert(!/^HTTP\/1\.1 2/.test(client.text()), client.text());
  const asking = await connectTo(portOf(proxy.url));
  asking.write(posted(CHAT, HELLO, { connection: "Upgrade, close", upgrade: "websocket" }));
  await asking.closed();
  assert.match(asking.text(), /^HTTP\/1\.1 200 /);
  assert.equal(proxy.providers.attempts.length, 1);
});

ingress(
  "F09: who asks whether to continue is told so only when the body is wanted",
  async (proxy, client) => {
    const [head = "", body = ""] = posted(CHAT, HELLO, { expect: "100-continue", connection: "close" }).split(
      "\r\n\r\n",
    );
    client.write(`${head}\r\n\r\n`);
    await client.sees("HTTP/1.1 100 Continue");
    client.write(body);
    await client.closed();
    assert.match(client.text(), /HTTP\/1\.1 200 /);
    const stranger = await connectTo(portOf(proxy.url));
    stranger.write(`${head.replace("x-user: ann", "x-user: eve")}\r\n\r\n`);
    await stranger.closed();
    assert.match(stranger.text(), /^HTTP\/1\.1 403 /);
  },
);

const MEDIA = { multipart: "multipart/form-data; boundary=x", utf16: "application/json; charset=utf-16" };

ingress("F09: what cannot be UTF-8 JSON is 415, and JSON under another name is read", async (proxy) => {
  const send = (type: string) =>
    proxy.raw({ method: "POST", path: CHAT, headers: { "x-user": "ann", "content-type": type }, body: BODY });
  for (const type of Object.values(MEDIA)) {
    const reply = await send(type);
    assert.equal(reply.status, 415, type);
    assert.equal(reply.json().error.code, "unsupported_media_type");
  }
  for (const type of ["application/x-www-form-urlencoded", "text/plain", "application/json; charset=UTF-8"]) {
    assert.equal((await send(type)).status, 200, type);
  }
});

ingress("F10: a compressed body is refused unread", async (proxy) => {
  const bomb = gzipSync(Buffer.alloc(50 * MEBIBYTE, " "));
  const headers = { "x-user": "ann", "content-encoding": "gzip", "content-type": "application/json" };
  const reply = await proxy.raw({ method: "POST", path: CHAT, headers, body: bomb });
  assert.equal(reply.status, 415);
  assert.equal(reply.json().error.code, "unsupported_media_type");
  assert.equal(proxy.providers.attempts.length, 0);
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

test("F16: while it drains, answers close their connection, and idle ones are closed at once", async () => {
  const listener = await listen(
    () => Promise.resolve({ status: 200, headers: {}, body: "ok", done: () => {} }),
    { host: "127.0.0.1", port: 0, onError: assert.fail },
  );
  const get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
  const [idle, busy] = [await connectTo(listener.port), await connectTo(listener.port)];
  for (const client of [idle, busy]) {
    client.write(get);
    await client.sees("\r\n\r\nok");
    assert(!/connection: close/i.test(client.text()));
  }
  listener.turnAway();
  busy.write(get);
  await busy.closed();
  assert.match(busy.text(), /connection: close/i);
  assert(!idle.socket.destroyed);
  await Promise.all([listener.close(), idle.closed()]);
});

ingress("F17: who looks in from outside learns whether it is alive, and nothing else", async (proxy) => {
  for (const path of ["/healthz", "/readyz"]) {
    const reply = await proxy.raw({ path, headers: { "x-user": "eve" } });
    assert.equal(reply.status, 200);
    assert.equal(reply.text, "ok");
  }
  for (const path of ["/metrics", "/admin", "/debug", "/config", "/rbac.json", "/.env"]) {
    const reply = await proxy.raw({ path });
    assert.equal(reply.status, 404, path);
    assert(!/ann|openai/.test(reply.text), reply.text);
  }
});

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
