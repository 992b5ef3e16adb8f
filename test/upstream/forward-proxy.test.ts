import { deepEqual, equal, match, ok } from "node:assert/strict";
import { test } from "node:test";
import { routeTo } from "../../src/upstream/forward-proxy.ts";

const HTTPS = "https://api.example.com/v1";
const HTTP = "http://models.example.com:8080/v1";

/** The origin of the proxy that leads to a URL, or how else it is reached. */
function way(url: string, environment: Readonly<Record<string, string>>): string {
  const route = routeTo(url, environment);
  return route.kind === "proxy" ? route.proxy.origin : route.kind;
}

const VARIABLES: readonly [url: string, environment: Record<string, string>, way: string][] = [
  [HTTPS, {}, "direct"],
  [HTTPS, { HTTPS_PROXY: "http://p:3128" }, "http://p:3128"],
  [HTTPS, { https_proxy: "http://p:3128" }, "http://p:3128"],
  [HTTPS, { https_proxy: "http://small:1", HTTPS_PROXY: "http://capital:1" }, "http://small:1"],
  [HTTPS, { https_proxy: "", HTTPS_PROXY: "http://capital:1" }, "http://capital:1"],
  [HTTPS, { http_proxy: "http://p:3128", HTTP_PROXY: "http://p:3128" }, "direct"],
  [HTTP, { http_proxy: "http://p:3128" }, "http://p:3128"],
  [HTTP, { HTTP_PROXY: "http://p:3128" }, "http://p:3128"],
  [HTTP, { HTTP_PROXY: "http://p:3128", REQUEST_METHOD: "GET" }, "direct"],
  [HTTP, { HTTPS_PROXY: "http://p:3128" }, "direct"],
  [HTTP, { all_proxy: "http://p:3128" }, "http://p:3128"],
  [HTTPS, { ALL_PROXY: "http://p:3128" }, "http://p:3128"],
  [HTTPS, { ALL_PROXY: "http://all:1", HTTPS_PROXY: "http://own:1" }, "http://own:1"],
  [HTTPS, { HTTPS_PROXY: "p.example:3128" }, "http://p.example:3128"],
  [HTTPS, { HTTPS_PROXY: " http://p.example " }, "http://p.example"],
  [HTTPS, { HTTPS_PROXY: "https://p.example:8443/" }, "https://p.example:8443"],
  [HTTPS, { HTTPS_PROXY: "http://[::1]:3128" }, "http://[::1]:3128"],
  [HTTPS, { HTTPS_PROXY: "socks5://p:1080" }, "bad"],
  [HTTPS, { HTTPS_PROXY: "http://p:port" }, "bad"],
  [HTTPS, { HTTPS_PROXY: "http://" }, "bad"],
  [HTTPS, { HTTPS_PROXY: "http://a:%zz@p:1" }, "bad"],
  [HTTPS, { HTTPS_PROXY: "socks5://p:1080", NO_PROXY: "*" }, "direct"],
];

test("the variables that name a forward proxy are read as curl reads them", () => {
  for (const [url, environment, expected] of VARIABLES) {
    equal(way(url, environment), expected, `${url} ${JSON.stringify(environment)}`);
  }
});

const EXCEPTIONS: readonly [host: string, list: string, direct: boolean][] = [
  ["api.example.com", "", false],
  ["api.example.com", "*", true],
  ["api.example.com", "api.example.com", true],
  ["api.example.com", "API.Example.COM", true],
  ["api.example.com", "api.example.com.", true],
  ["api.example.com", "example.com", true],
  ["api.example.com", ".example.com", true],
  ["api.example.com", "*.example.com", true],
  ["example.com", ".example.com", true],
  ["notexample.com", "example.com", false],
  ["api.example.com", "com.example", false],
  ["api.example.com", "other.test, example.com", true],
  ["api.example.com", "other.test example.com", true],
  ["api.example.com:8443", "example.com:8443", true],
  ["api.example.com:8443", "example.com:443", false],
  ["api.example.com", "example.com:443", true],
  ["localhost:11434", "localhost", true],
  ["localhost:11434", "localhost,127.0.0.1", true],
  ["127.0.0.1:11434", "127.0.0.1", true],
  ["127.0.0.1:11434", "127.0.0.0/8", true],
  ["127.0.0.1:11434", "localhost", false],
  ["10.1.2.3", "10.0.0.0/8", true],
  ["11.1.2.3", "10.0.0.0/8", false],
  ["10.1.2.3", "10.1", false],
  ["110.1.2.3", "10.1.2.3", false],
  ["[::1]:11434", "::1", true],
  ["[::1]:11434", "[::1]", true],
  ["[fd00::7]", "fd00::/8", true],
  ["[fe80::7]", "fd00::/8", false],
];

test("exceptions are names with all below them, addresses, networks, and ports", () => {
  for (const [host, list, direct] of EXCEPTIONS) {
    for (const name of ["no_proxy", "NO_PROXY"]) {
      const environment = { https_proxy: "http://p:3128", [name]: list };
      equal(
        way(`https://${host}/v1`, environment),
        direct ? "direct" : "http://p:3128",
        `${host} in ${list}`,
      );
    }
  }
});

test("a login is sent and never shown", () => {
  for (
    const [value, login] of [
      ["http://ann:s%40crét@p:3128", "ann:s@crét"],
      ["http://ann@p:3128", "ann:"],
      ["http://:pass@p:3128", ":pass"],
    ]
  ) {
    const route = routeTo(HTTPS, { HTTPS_PROXY: value ?? "" });
    ok(route.kind === "proxy");
    equal(route.proxy.origin, "http://p:3128");
    equal(route.proxy.authorization?.reveal(), `Basic ${Buffer.from(login ?? "").toString("base64")}`);
    ok(!JSON.stringify(route).includes("ann"));
  }
  const plain = routeTo(HTTPS, { HTTPS_PROXY: "http://p:3128" });
  deepEqual(plain, {
    kind: "proxy",
    proxy: { origin: "http://p:3128", variable: "https_proxy".toUpperCase() },
  });
});

test("a message about a variable names it and not what is in it", () => {
  for (const value of ["socks5://ann:secret@p:1", "http://ann:secret@p:port", "http://ann:secret%@p"]) {
    const route = routeTo(HTTPS, { HTTPS_PROXY: value });
    ok(route.kind === "bad", value);
    match(route.message, /^The environment variable HTTPS_PROXY .*: write it as http:\/\/HOST:PORT$/);
    ok(!/ann|secret/.test(route.message), route.message);
  }
});
