/** What is served where, and what every answer carries. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { configOf, withProxy } from "../tools/proxy.ts";

const CHAT = "/v1/chat/completions";
const MESSAGES = "/v1/messages";
const config = configOf({
  gpt: { provider: "openai", model: "gpt-5" },
  claude: { provider: "anthropic", model: "claude-sonnet-4-20250514" },
  "my/model ü": { provider: "openai", model: "gpt-5" },
});

test("a caller's own request id is kept if it is sane, and replaced if not", () =>
  withProxy({ config }, async (proxy) => {
    const idOf = async (id: string) =>
      (await proxy.raw({ path: "/healthz", headers: { "x-request-id": id } })).headers["x-request-id"];
    assert.equal(await idOf("a.b:c/d@e-f_1"), "a.b:c/d@e-f_1");
    for (const insane of ["a b", 'a"b', "a".repeat(129), "a;b", "é"]) {
      assert.match(await idOf(insane) ?? "", /^req_[0-9a-f]{24}$/, insane);
    }
  }));

test("paths are exact, and other methods are told which are allowed", () =>
  withProxy({ config }, async (proxy) => {
    const statusOf = async (method: string, path: string) =>
      (await proxy.raw({ method, path, headers: { "x-user": "ann" } })).status;
    for (
      const path of [
        "/v1/chat/completions/",
        "/v1//chat/completions",
        "/V1/chat/completions",
        "/v1/chat%2fcompletions",
        "/x/../v1/models",
        "/v1/models/../models",
        "//healthz",
        "http://127.0.0.1/healthz",
        "/healthz/",
        "/v1",
        "/metrics",
      ]
    ) {
      assert.equal(await statusOf("GET", path), 404, path);
    }
    const allowed = {
      [CHAT]: "POST",
      [MESSAGES]: "POST",
      "/v1/models": "GET, HEAD",
      "/healthz": "GET, HEAD",
      "/": "HEAD",
    };
    for (const [path, allow] of Object.entries(allowed)) {
      for (const method of ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
        if (allow.split(", ").includes(method)) continue;
        const reply = await proxy.raw({ method, path, headers: { "x-user": "ann" } });
        assert.equal(reply.status, 405, `${method} ${path}`);
        assert.equal(reply.headers["allow"], allow);
        assert.match(reply.json().error.message, new RegExp(`^Method '${method}' is not allowed here`));
      }
    }
    assert.equal(await statusOf("GET", "/healthz?x=/v1/models"), 200);
    assert.equal(await statusOf("GET", "/readyz"), 200);
    assert.equal(await statusOf("HEAD", "/"), 200);
    const head = await proxy.raw({ method: "HEAD", path: "/" });
    assert.deepEqual([head.status, head.text], [200, ""]);
    const foreign = await proxy.raw({ path: "/nowhere", headers: { "anthropic-version": "2023-06-01" } });
    assert.equal(foreign.json().type, "error");
  }));

test("models are listed for whom may use them, and shown by their name", () =>
  withProxy({ config }, async (proxy) => {
    const get = (path: string) => proxy.raw({ path, headers: { "x-user": "ann" } });
    const { data } = (await get("/v1/models")).json();
    assert.deepEqual(data.map(({ id }: { id: string }) => id), ["gpt", "claude", "my/model ü"]);
    const names: string[] = [];
    for await (const { id } of proxy.openai("ann").models.list()) names.push(id);
    for await (const { id } of proxy.anthropic("ann").models.list()) names.push(id);
    assert.deepEqual(names, ["gpt", "claude", "my/model ü", "gpt", "claude", "my/model ü"]);
    assert.equal((await proxy.openai("ann").models.retrieve("my/model ü")).id, "my/model ü");
    assert.equal((await proxy.anthropic("ann").models.retrieve("claude")).display_name, "claude");
    assert.equal((await get("/v1/models/my%2Fmodel%20%C3%BC")).json().id, "my/model ü");
    for (const name of ["gpt-5", "", "%FF", "__proto__", "constructor"]) {
      assert.equal((await get(`/v1/models/${name}`)).status, 404, name);
    }
    assert.equal((await proxy.raw({ path: "/v1/models" })).status, 401);
  }));
