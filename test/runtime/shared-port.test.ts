import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import process from "node:process";
import { test } from "node:test";
import { findSharedPort, sharingRefusal } from "../../src/runtime/shared-port.ts";

const SHARING: readonly (readonly [string, Parameters<typeof sharingRefusal>[0], RegExp | undefined])[] = [
  ["Node on Linux", { platform: "linux", node: "24.1.0", deno: undefined, shared: true }, undefined],
  ["Node elsewhere", { platform: "freebsd", node: "24.1.0", deno: undefined, shared: true }, undefined],
  ["Deno on Linux", { platform: "linux", node: "24.1.0", deno: "2.9.6", shared: true }, undefined],
  [
    "an older Node",
    { platform: "linux", node: "20.19.0", deno: undefined, shared: false },
    /^processes share a port on Linux with Node 22\.12 or later, or with Deno, and this is Node 20\.19\.0 on linux$/,
  ],
  [
    "a system that refuses",
    { platform: "darwin", node: "24.1.0", deno: undefined, shared: false },
    /and this is Node 24\.1\.0 on darwin$/,
  ],
  [
    "Deno where one would get all",
    { platform: "darwin", node: "24.1.0", deno: "2.9.6", shared: true },
    /and this is Deno 2\.9\.6 on darwin$/,
  ],
];

for (const [title, sharing, refusal] of SHARING) {
  test(`processes ${refusal ? "cannot" : "can"} share a port: ${title}`, () => {
    const found = sharingRefusal(sharing);
    if (refusal) assert.match(found ?? "", refusal);
    else assert.equal(found, undefined);
  });
}

test("a free port is found, and whether this runtime can share it is found by trying", async () => {
  const { port, refusal } = await findSharedPort("127.0.0.1", 0);
  assert(port > 0);
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const able = process.platform === "linux" && (major > 22 || (major === 22 && minor >= 12));
  assert.equal(refusal === undefined, able);
  assert.equal((await findSharedPort("127.0.0.1", port)).port, port);
});

test("a port in use is the system's error, even where its user would share it", async () => {
  for (const reusePort of [false, true]) {
    const server = createServer();
    await new Promise<void>((resolve) =>
      void server.listen({ host: "127.0.0.1", port: 0, reusePort }, () => resolve())
    );
    await assert.rejects(
      findSharedPort("127.0.0.1", (server.address() as AddressInfo).port),
      { code: "EADDRINUSE" },
    );
    await new Promise((resolve) => server.close(resolve));
  }
});
