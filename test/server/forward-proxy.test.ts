/** Providers that are reached through a forward proxy, by real ones of the test's own, with and without TLS. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, request } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, connect, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { withDaemon } from "../tools/daemon.ts";
import { configOf, withProxy } from "../tools/proxy.ts";
import { exchangeRaw } from "../tools/raw.ts";
import { streamedAnswer, wholeAnswer, withScripted } from "../tools/scripted-provider.ts";

interface Forwarded {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Request lines, with the login that came with each. */
  readonly seen: readonly string[];
}

/** Passes on what it is asked to, by the whole address or by a tunnel; or refuses with a status. */
async function withForwardProxy(
  test: (proxy: Forwarded) => Promise<void>,
  { refuses, secure }: { refuses?: number; secure?: boolean } = {},
): Promise<void> {
  const seen: string[] = [];
  const open = new Set<Socket>();
  const note = ({ method, url, headers }: IncomingMessage) =>
    seen.push([method, url, headers["proxy-authorization"]].filter(Boolean).join(" "));
  const server: Server = secure ? createSecureServer(await certificate()) : createServer();
  server.on("connection", (socket: Socket) => open.add(socket));
  server.on("request", (incoming, outgoing) => {
    note(incoming);
    if (refuses) return void outgoing.writeHead(refuses).end("<html>no</html>");
    const { url, method, headers: { "proxy-authorization": _, ...headers } } = incoming;
    const onward = request(url ?? "", { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    incoming.pipe(onward);
  });
  server.on("connect", (incoming: IncomingMessage, socket: Socket, head: Uint8Array) => {
    note(incoming);
    socket.on("error", () => {});
    if (refuses) return void socket.end(`HTTP/1.1 ${refuses} No\r\ncontent-length: 2\r\n\r\nno`);
    // Whatever the name, it is here.
    const to = connect(Number(incoming.url?.split(":").at(-1)), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      to.write(head);
      socket.pipe(to).pipe(socket);
    });
    open.add(to);
    to.on("error", () => socket.destroy());
    to.on("close", () => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const scheme = secure ? "https://localhost" : "http://127.0.0.1";
  try {
    await test({ url: `${scheme}:${(server.address() as AddressInfo).port}`, seen });
  } finally {
    for (const socket of open) socket.destroy();
    server.close();
  }
}

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));

async function certificate(): Promise<{ key: string; cert: string }> {
  const [key, cert] = await Promise.all([
    readFile(fixture("localhost-key.pem"), "utf8"),
    readFile(fixture("localhost.pem"), "utf8"),
  ]);
  return { key, cert };
}

const config = (baseURL: string) =>
  configOf({ a: { provider: "p", model: "m" } }, {}, {
    providers: { p: { dialect: "openai-chat", baseURL, apiKey: { env: "P_KEY" } } },
  });

const hello = (stream: boolean) => ({ model: "a", stream, messages: [{ role: "user", content: "Hi" }] });

const answering = (stream: boolean) => stream ? streamedAnswer("openai").join("") : wholeAnswer("openai");

test("plain HTTP goes to the forward proxy with the whole address and the login, exceptions go straight", () =>
  withScripted(
    ({ stream }, response) => void response.end(answering(stream)),
    ({ baseURL, requests }) =>
      withForwardProxy(async ({ url, seen }) => {
        for (const name of ["http_proxy", "HTTP_PROXY", "all_proxy"]) {
          const env = { P_KEY: "sk-p", [name]: url.replace("//", "//ann:pass@") };
          await withProxy({ config: config(baseURL), env }, async ({ post, line }) => {
            for (const stream of [false, true]) {
              const reply = await post("ann", "/v1/chat/completions", hello(stream));
              assert.equal(reply.status, 200, reply.text);
              assert.match(reply.text, /Hello/);
            }
            assert(!(await line(2)).includes("pass"));
          });
        }
        const login = Buffer.from("ann:pass").toString("base64");
        assert.deepEqual([...new Set(seen)], [`POST ${baseURL}/chat/completions Basic ${login}`]);
        assert.equal(seen.length, 6);
        assert.deepEqual([...new Set(requests.map(({ headers }) => headers.host))], [new URL(baseURL).host]);
        assert.deepEqual([...new Set(requests.map(({ headers }) => headers.authorization))], ["Bearer sk-p"]);
        const env = { P_KEY: "sk-p", http_proxy: url, NO_PROXY: "localhost,127.0.0.1" };
        await withProxy({ config: config(baseURL), env }, async ({ post }) => {
          assert.equal((await post("ann", "/v1/chat/completions", hello(false))).status, 200);
        });
        assert.equal(seen.length, 6);
      }),
  ));

for (const refuses of [407, 403, 502]) {
  test(`a forward proxy that refuses a tunnel with ${refuses} is named`, () =>
    withForwardProxy(async ({ url }) => {
      const env = { P_KEY: "sk-p", HTTPS_PROXY: url };
      await withProxy({ config: config("https://api.example.com"), env }, async ({ post, logged }) => {
        const reply = await post("ann", "/v1/chat/completions", hello(false));
        assert.equal(reply.status, 502);
        assert.match(reply.json().error.message, new RegExp(`forward proxy .*\\(${refuses}\\)`));
        assert.equal(reply.json().error.code, "upstream_unreachable");
        assert.equal((await logged()).attempts[0]?.detail, `proxy-${refuses}`);
      });
    }, { refuses }));
}

test("a login that the forward proxy wants for plain HTTP is not taken for the provider's answer", () =>
  withForwardProxy(async ({ url }) => {
    const env = { P_KEY: "sk-p", http_proxy: url };
    await withProxy({ config: config("http://models.example.com"), env }, async ({ post }) => {
      const reply = await post("ann", "/v1/chat/completions", hello(false));
      assert.equal(reply.status, 502);
      assert.match(reply.json().error.message, /forward proxy wants another login/);
    });
  }, { refuses: 407 }));

test("a forward proxy that is not there, or answers with nonsense, is named", async () => {
  const dead = { P_KEY: "sk-p", HTTPS_PROXY: "http://127.0.0.1:1", http_proxy: "http://127.0.0.1:1" };
  for (const scheme of ["https", "http"]) {
    await withProxy(
      { config: config(`${scheme}://api.example.com`), env: dead },
      async ({ post, logged }) => {
        const reply = await post("ann", "/v1/chat/completions", hello(false));
        assert.match(reply.json().error.message, /^The forward proxy refused the connection/);
        assert.equal((await logged()).attempts[0]?.detail, "proxy-refused");
      },
    );
  }
  await withScripted(() => {}, async ({ baseURL }) => {
    const env = {
      P_KEY: "sk-p",
      HTTPS_PROXY: baseURL.replace("http:", "https:").replace("127.0.0.1", "localhost"),
    };
    await withProxy({ config: config("https://api.example.com"), env }, async ({ post }) => {
      const reply = await post("ann", "/v1/chat/completions", hello(false));
      assert.match(reply.json().error.message, /No trusted connection to the forward proxy/);
    });
  });
});

test("TLS to a provider goes through a tunnel, of a forward proxy with TLS of its own too", async () => {
  const provider = createSecureServer(await certificate(), async (incoming, outgoing) => {
    let text = "";
    for await (const piece of incoming) text += piece;
    outgoing.end(answering(JSON.parse(text).stream ?? false));
  });
  provider.listen(0, "127.0.0.1");
  await once(provider, "listening");
  const { port } = provider.address() as AddressInfo;
  const folder = await mkdtemp(join(tmpdir(), "ai-proxy-"));
  const file = join(folder, "rbac.json");
  await writeFile(file, JSON.stringify(config(`https://localhost:${port}`)));
  try {
    for (const secure of [false, true]) {
      await withForwardProxy(async ({ url, seen }) => {
        const login = url.replace("//", "//ann:pass@");
        const env = {
          P_KEY: "sk-p",
          https_proxy: login,
          NO_PROXY: "",
          no_proxy: "",
          NODE_EXTRA_CA_CERTS: fixture("ca.pem"),
          DENO_CERT: fixture("ca.pem"),
        };
        await withDaemon({ args: ["--config", file], env }, async (daemon) => {
          for (const stream of [false, true, false]) {
            const reply = await exchangeRaw(daemon.port, {
              method: "POST",
              path: "/v1/chat/completions",
              headers: { "x-user": "ann", "content-type": "application/json" },
              body: JSON.stringify(hello(stream)),
            });
            assert.equal(reply.status, 200, reply.text);
            assert.match(reply.text, /Hello/);
          }
          assert(!`${daemon.stdout()}${daemon.stderr()}`.includes("pass"));
        });
        const expected = `CONNECT localhost:${port} Basic ${Buffer.from("ann:pass").toString("base64")}`;
        assert.deepEqual([...new Set(seen)], [expected]);
      }, { secure });
    }
  } finally {
    await rm(folder, { recursive: true });
    provider.closeAllConnections();
    provider.close();
  }
});
