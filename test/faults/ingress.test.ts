/** What clients may send to the socket itself: too slow, too much, and what two parsers would read differently. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { listen } from "../../src/runtime/listen.ts";
import { until } from "../tools/proxy.ts";
import { type Client, connectTo, portOf, posted } from "./_client.ts";
import { CHAT, HELLO, ingress, MEBIBYTE, pause, serves } from "./_ingress.ts";

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
    proxy.raw({
      method: "POST",
      path: CHAT,
      headers: { "x-user": "ann", "content-type": type },
      body: JSON.stringify(HELLO),
    });
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
