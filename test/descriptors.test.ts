import assert from "node:assert/strict";
import { test } from "node:test";
import { descriptorShares, shareDescriptors } from "../src/descriptors.ts";

test("clients, providers and what waits to be accepted never take all descriptors together", () => {
  for (let limit = 64; limit <= 70_000; limit += limit < 2_000 ? 1 : 997) {
    const { clients, waiting, upstream } = shareDescriptors(limit);
    const rest = limit - clients - waiting - upstream;
    assert(rest >= 16 && (limit < 128 || rest >= 40), `${limit}: ${rest} are left`);
    assert(Math.min(clients, waiting, upstream) >= 1, `${limit}`);
  }
});

test("a limit that leaves nothing still serves somebody", () => {
  for (const limit of [0, 10, 40]) assert(shareDescriptors(limit).clients >= 4);
});

test("the usual limits serve hundreds and thousands", () => {
  assert.deepEqual(shareDescriptors(1024), { clients: 480, waiting: 60, upstream: 420 });
  assert.deepEqual(shareDescriptors(20_000), { clients: 9_968, waiting: 511, upstream: 9_457 });
});

test("the limit of this process is read", () => {
  assert(descriptorShares().clients >= 4);
  assert.equal(descriptorShares(), descriptorShares());
});
