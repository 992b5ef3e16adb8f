/** Connections to providers as they fail in the world: addresses that are dead or slow, closed, too many, untrusted. */

import { deepEqual, equal, fail, match, ok, rejects, throws } from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer as createHttp2Server } from "node:http2";
import { type AddressInfo, createServer, type Server, Socket } from "node:net";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { createServer as createTlsServer } from "node:tls";
import type { ConnectOptions } from "../../src/upstream/connect.ts";
import { createConnections } from "../../src/upstream/connections.ts";
import { openUpstreams, type UpstreamRequest, type UpstreamResponse } from "../../src/upstream/send.ts";

type Sent = (more?: Partial<UpstreamRequest>) => Promise<UpstreamResponse>;

async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** Runs a test with what sends requests to a URL, and closes the connections after it. */
async function withUpstreams(
  url: string,
  options: Partial<ConnectOptions>,
  test: (send: Sent, warnings: readonly string[]) => Promise<void>,
): Promise<void> {
  const warnings: string[] = [];
  const { send, close } = openUpstreams({
    mostConnections: 100,
    warn: (message) => void warnings.push(message),
    ...options,
  });
  const usual = { url, headers: {}, body: "{}", connectTimeout: 5, stream: false };
  try {
    await test((more) => send({ ...usual, signal: new AbortController().signal, ...more }), warnings);
  } finally {
    await close();
  }
}

async function textOf({ body }: UpstreamResponse): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of body) text += decoder.decode(piece, { stream: true });
  return text;
}

const ANSWER = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/** Runs a test with a server that is told of each request, by its number on its connection and among all. */
async function withRaw(
  answer: (socket: Socket, nth: number, all: number) => void,
  test: (port: number, counts: { connections: number; requests: number }) => Promise<void>,
): Promise<void> {
  const counts = { connections: 0, requests: 0 };
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    counts.connections++;
    open.add(socket);
    let nth = 0;
    let text = "";
    socket.on("error", () => {});
    socket.on("close", () => open.delete(socket));
    socket.on("data", (piece) => {
      text += piece;
      if (!/\r\n\r\n[\s\S]*\}$/.test(text)) return;
      text = "";
      counts.requests++;
      answer(socket, ++nth, counts.requests);
    });
  });
  try {
    await test(await listening(server), counts);
  } finally {
    for (const socket of open) socket.destroy();
    server.close();
  }
}

/** Until the connection of an answer that was read serves again. */
const KEPT_MS = 30;

// --- a connection that the provider closes as a request comes ---

const CLOSINGS: readonly [what: string, close: (socket: Socket) => void][] = [
  ["closes", (socket) => void socket.end()],
  ["resets", (socket) => void socket.resetAndDestroy()],
  ["destroys", (socket) => void socket.destroy()],
];

for (const [what, close] of CLOSINGS) {
  for (const stream of [false, true]) {
    const kind = stream ? "a request for a stream" : "a request";
    test(`${kind} that a provider ${what} a used connection on goes out again on a new one`, () =>
      withRaw(
        (socket, nth) => nth === 1 ? void socket.write(ANSWER) : close(socket),
        (port, counts) =>
          withUpstreams(`http://127.0.0.1:${port}/v1`, {}, async (send) => {
            equal(await textOf(await send({ stream })), "ok");
            await pause(KEPT_MS);
            equal(await textOf(await send({ stream })), "ok");
            deepEqual(counts, { connections: 2, requests: 3 });
          }),
      ));
  }
}

test("a new connection that is closed before an answer is a failure, and the request goes out once", () =>
  withRaw(
    (socket) => void socket.end(),
    (port, counts) =>
      withUpstreams(`http://127.0.0.1:${port}/v1`, {}, async (send) => {
        await rejects(send(), { code: "upstream_unreachable", failure: "connect", detail: "reset" });
        equal(counts.requests, 1);
      }),
  ));

test("a request goes out a second time, never a third", () =>
  withRaw(
    (socket, _, all) => all === 1 ? void socket.write(ANSWER) : void socket.end(),
    (port, counts) =>
      withUpstreams(`http://127.0.0.1:${port}/v1`, {}, async (send) => {
        equal(await textOf(await send()), "ok");
        await pause(KEPT_MS);
        await rejects(send(), { code: "upstream_unreachable", detail: "reset" });
        equal(counts.requests, 3);
      }),
  ));

for (
  const begun of ["H", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\ncontent-le", "HTTP/1.1 103 Early Hints\r\n\r\n"]
) {
  test(`a request whose answer began with ${JSON.stringify(begun)} does not go out again`, () =>
    withRaw((socket, nth) => {
      if (nth === 1) return void socket.write(ANSWER);
      socket.write(begun);
      setTimeout(() => socket.resetAndDestroy(), 20);
    }, (port, counts) =>
      withUpstreams(`http://127.0.0.1:${port}/v1`, {}, async (send) => {
        equal(await textOf(await send()), "ok");
        await pause(KEPT_MS);
        await rejects(send());
        equal(counts.requests, 2);
      })));
}

test("a request that is given up on a used connection does not go out again", () =>
  withRaw(
    (socket, nth) => nth === 1 ? void socket.write(ANSWER) : undefined,
    (port, counts) =>
      withUpstreams(`http://127.0.0.1:${port}/v1`, {}, async (send) => {
        equal(await textOf(await send()), "ok");
        await pause(KEPT_MS);
        const controller = new AbortController();
        const coming = send({ signal: controller.signal });
        await pause(30);
        controller.abort(new Error("left"));
        await rejects(coming, /left/);
        await pause(30);
        equal(counts.requests, 2);
      }),
  ));

// --- names with several addresses ---

/** An address of documentation (RFC 3849, RFC 5737): nobody answers there. */
const NOWHERE6 = { address: "2001:db8::1", family: 6 };
const NOWHERE4 = { address: "192.0.2.1", family: 4 };
const HERE = { address: "127.0.0.1", family: 4 };

const ORDERS = [[HERE], [HERE, NOWHERE6], [NOWHERE6, HERE], [NOWHERE6, NOWHERE4, HERE], [
  NOWHERE4,
  NOWHERE4,
  NOWHERE4,
  HERE,
]];

for (const addresses of ORDERS) {
  const names = addresses.map(({ address }) => address).join(", ");
  test(`a name with the addresses ${names} is reached`, () =>
    withRaw(
      (socket) => void socket.write(ANSWER),
      (port) =>
        withUpstreams(`http://name.test:${port}/v1`, {
          lookup: () => Promise.resolve(addresses),
        }, async (send) => {
          equal(await textOf(await send()), "ok");
        }),
    ));
}

test("a name whose addresses may not be asked for is left to the runtime", () =>
  withRaw((socket) => void socket.write(ANSWER), (port) => {
    const lookup = () => Promise.reject(Object.assign(new Error("getaddrinfo EPERM"), { code: "EPERM" }));
    return withUpstreams(`http://localhost:${port}/v1`, { lookup }, async (send) => {
      equal(await textOf(await send()), "ok");
    });
  }));

test("a name whose addresses all refuse, or that has none, says so", async () => {
  const refused = [{ address: "127.0.0.1", family: 4 }, { address: "127.0.0.2", family: 4 }];
  await withUpstreams(
    "http://name.test:1/v1",
    { lookup: () => Promise.resolve(refused) },
    (send) => rejects(send(), { code: "upstream_unreachable", detail: "refused" }),
  );
  await withUpstreams(
    "http://name.test:1/v1",
    { lookup: () => Promise.resolve([]) },
    (send) => rejects(send(), { code: "upstream_unreachable", detail: "dns" }),
  );
});

test("an address that nobody answers at is waited for no longer than connecting may take", () =>
  withUpstreams(
    "http://name.test:81/v1",
    { lookup: () => Promise.resolve([NOWHERE4]) },
    (send) => rejects(send({ connectTimeout: 0.3 }), { code: "upstream_unreachable", failure: "connect" }),
  ));

test("a name that is never resolved is waited for no longer either", () =>
  withUpstreams(
    "http://name.test/v1",
    { lookup: () => new Promise(() => {}) },
    (send) => rejects(send({ connectTimeout: 0.1 }), { detail: "connect-timeout" }),
  ));

// --- too many ---

test("requests beyond the most connections are refused as ours, and go on when there is room", () =>
  withRaw(
    (socket) => void setTimeout(() => socket.write(ANSWER), 100),
    (port) =>
      withUpstreams(`http://127.0.0.1:${port}/v1`, { mostConnections: 3 }, async (send) => {
        const all = await Promise.allSettled(Array.from({ length: 8 }, () => send().then(textOf)));
        equal(all.filter(({ status }) => status === "fulfilled").length, 3);
        for (const one of all) {
          if (one.status === "rejected") {
            deepEqual([one.reason.code, one.reason.status, one.reason.retryAfter], ["overloaded", 503, 1]);
          }
        }
        equal(await textOf(await send()), "ok");
      }),
  ));

test("idle connections to one provider make room for another", () =>
  withRaw(
    (socket) => void socket.write(ANSWER),
    (one) =>
      withRaw((socket) => void socket.write(ANSWER), (other) =>
        withUpstreams("", { mostConnections: 2 }, async (send) => {
          const url = (port: number) =>
            `http://127.0.0.1:${port}/v1`;
          const both = [send({ url: url(one) }), send({ url: url(one) })];
          await Promise.all(both.map(async (sent) => textOf(await sent)));
          for (const port of [other, one, other, one]) {
            await pause(KEPT_MS);
            equal(await textOf(await send({ url: url(port) })), "ok");
          }
        })),
  ));

test("an idle connection that has closed makes no room, whatever socket was counted for it", async () => {
  const { count, idle, makeRoom } = createConnections(2);
  // As with TLS, which has a socket of its own over the counted one.
  for (let connection = 0; connection < 5; connection++) {
    const [counted, served] = [new Socket(), new Socket()];
    count(counted);
    idle(served);
    idle(served);
    served.destroy();
    counted.destroy();
    await once(counted, "close");
  }
  const busy = [new Socket(), new Socket()];
  busy.forEach(count);
  throws(makeRoom, { code: "overloaded", detail: "connections" });
  busy[0]?.destroy();
  await once(busy[0] ?? fail(), "close");
  makeRoom();
  const served = new Socket();
  count(new Socket());
  idle(served);
  makeRoom();
  ok(served.destroyed, "The idle one made room");
  throws(makeRoom, { code: "overloaded" });
});

// --- TLS and HTTP/2 ---

const fixture = (name: string) => readFile(new URL(`../fixtures/tls/${name}`, import.meta.url), "utf8");

test("why TLS fails is in the failure's detail, and is said once", async () => {
  const [key, cert] = await Promise.all([fixture("key.pem"), fixture("self-signed.pem")]);
  const server = createTlsServer({ key, cert }, (socket) => socket.destroy());
  server.on("tlsClientError", () => {});
  const port = await listening(server);
  try {
    await withUpstreams(
      `https://localhost:${port}/v1`,
      { lookup: () => Promise.resolve([HERE]) },
      async (send, warnings) => {
        for (let round = 0; round < 2; round++) {
          await rejects(send(), {
            code: "upstream_unreachable",
            failure: "connect",
            detail: "DEPTH_ZERO_SELF_SIGNED_CERT",
          });
        }
        equal(warnings.length, 1);
        match(
          warnings[0] ?? "",
          /^No trusted connection to the provider for localhost:\d+: DEPTH_ZERO_SELF_SIGNED_CERT \(/,
        );
      },
    );
  } finally {
    server.close();
  }
});

test("TLS to a server that speaks none is named", () =>
  withRaw((socket) => void socket.write(ANSWER), async () => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    });
    const port = await listening(server);
    try {
      await withUpstreams(
        `https://localhost:${port}/v1`,
        {},
        (send) => rejects(send(), { code: "upstream_unreachable", detail: "ERR_SSL_WRONG_VERSION_NUMBER" }),
      );
    } finally {
      server.close();
    }
  }));

test("a server that speaks HTTP/2 alone is named, with TLS and without", async () => {
  const plain = createHttp2Server();
  plain.on("error", () => {});
  plain.on("sessionError", () => {});
  const port = await listening(plain);
  try {
    await withUpstreams(
      `http://127.0.0.1:${port}/v1`,
      {},
      (send) => rejects(send(), { code: "upstream_unreachable", detail: "http2-only" }),
    );
  } finally {
    plain.close();
  }
  const [key, cert] = await Promise.all([fixture("key.pem"), fixture("self-signed.pem")]);
  const secure = createTlsServer({ key, cert, ALPNProtocols: ["h2"] }, (socket) => socket.destroy());
  secure.on("tlsClientError", () => {});
  const securePort = await listening(secure);
  try {
    await withUpstreams(
      `https://localhost:${securePort}/v1`,
      {},
      (send) => rejects(send(), { detail: "http2-only" }),
    );
  } finally {
    secure.close();
  }
});

// --- headers ---

test("an answer with more headers than are bearable is none; an error with as many keeps its status", async () => {
  const many = Array.from({ length: 150 }, (_, index) => `openai-h${index}: ${index}\r\n`).join("");
  const same = "openai-h: 1\r\n".repeat(150);
  for (const headers of [many, same]) {
    for (const [status, fails] of [["200 OK", true], ["429 Too Many Requests", false]] as const) {
      await withRaw(
        (socket) =>
          void socket.write(`HTTP/1.1 ${status}\r\nretry-after: 9\r\n${headers}content-length: 2\r\n\r\n{}`),
        (port) =>
          withUpstreams(`http://127.0.0.1:${port}/v1`, {}, async (send) => {
            if (fails) {
              return void await rejects(send(), { code: "upstream_invalid_response", detail: "headers" });
            }
            const response = await send();
            equal(response.status, 429);
            equal(response.headers["retry-after"], "9");
            ok(Object.keys(response.headers).length <= 100);
          }),
      );
    }
  }
});
