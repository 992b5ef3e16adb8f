import assert from "node:assert/strict";
import { BlockList, isIP } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { contains, isLoopback, parseAddress, parseNetwork } from "../../src/access/network.ts";

function holds(network: string, address: string): boolean {
  const parsed = parseNetwork(network);
  const peer = parseAddress(address);
  assert.ok(parsed && peer !== undefined);
  return contains(parsed, peer);
}

const MEMBERS: [string, string, boolean][] = [
  ["10.0.0.0/8", "10.255.0.1", true],
  ["10.0.0.0/8", "11.0.0.1", false],
  ["10.9.9.9/8", "10.0.0.1", true],
  ["192.0.2.7", "192.0.2.7", true],
  ["192.0.2.7", "192.0.2.6", false],
  ["192.0.2.7/32", "::ffff:192.0.2.7", true],
  ["192.0.2.7", "::ffff:c000:207", true],
  ["0.0.0.0/0", "203.0.113.9", true],
  ["0.0.0.0/0", "2001:db8::1", false],
  ["::/0", "2001:db8::1", true],
  ["::/0", "203.0.113.9", false],
  ["fd00::/8", "fd12:3456::1", true],
  ["fd00::/8", "fe80::1%eth0", false],
  ["fe80::/10", "fe80::1%eth0", true],
  ["::1/128", "::1", true],
  ["2001:db8::/33", "2001:db8:8000::", false],
];

for (const [network, address, expected] of MEMBERS) {
  test(`${address} is ${expected ? "" : "not "}in ${network}`, () =>
    assert.equal(holds(network, address), expected));
}

test("what is no network is none", () => {
  const malformed = [
    "",
    "10.0.0.0/33",
    "10.0.0/8",
    "10.0.0.0/",
    "10.0.0.0/08",
    "10.0.0.0/-1",
    "010.0.0.1",
    "256.0.0.1",
  ];
  for (
    const text of [
      ...malformed,
      "::/129",
      ":::",
      "1::2::3",
      "1:2:3:4:5:6:7:8:9",
      "fe80::1%eth0/64",
      "host",
      "12345::",
    ]
  ) {
    assert.equal(parseNetwork(text), undefined, text);
  }
});

test("addresses are read as Node reads them", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.ipV4(), fc.ipV6(), fc.string(), fc.stringMatching(/^[:.0-9a-f]{0,20}$/)),
      (text) => {
        if (!text.includes("%")) assert.equal(parseAddress(text) !== undefined, isIP(text) !== 0, text);
      },
    ),
  );
});

test("networks hold what Node's block list holds", () => {
  const octet = fc.integer({ min: 0, max: 255 });
  const address = fc.tuple(fc.constantFrom(10, 11), octet, octet, octet).map((parts) => parts.join("."));
  fc.assert(fc.property(address, address, fc.integer({ min: 1, max: 32 }), (network, peer, prefix) => {
    const list = new BlockList();
    list.addSubnet(network, prefix);
    assert.equal(holds(`${network}/${prefix}`, peer), list.check(peer));
  }));
});

test("loopback is 127.0.0.0/8 and ::1", () => {
  const loopback = (text: string) => isLoopback(parseAddress(text) ?? 0n);
  assert.deepEqual(["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"].map(loopback), [
    true,
    true,
    true,
    true,
  ]);
  assert.deepEqual(["0.0.0.0", "::", "128.0.0.1", "::7f00:1"].map(loopback), [false, false, false, false]);
});
