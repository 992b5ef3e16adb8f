import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import { providerHeaders } from "../../src/attempt/provider-headers.ts";
import { DIALECTS } from "../../src/dialects/registry.ts";

const NOW = Date.UTC(2026, 10, 22);
const inSeconds = (seconds: number) => new Date(NOW + seconds * 1000).toUTCString();

/** As the provider says it → as a client of the same API is told; undefined: not told. */
const ROWS: readonly [name: string, value: string, told: string | undefined][] = [
  ["retry-after", "0", "0"],
  ["retry-after", "7", "7"],
  ["retry-after", "0.5", "0.5"],
  ["retry-after", "3600", "3600"],
  ["retry-after", "3601", undefined],
  ["retry-after", "99999999", undefined],
  ["retry-after", "1e9", undefined],
  ["retry-after", "-1", undefined],
  ["retry-after", "soon", undefined],
  ["retry-after", "", undefined],
  ["retry-after", inSeconds(60), inSeconds(60)],
  ["retry-after", inSeconds(-60), inSeconds(-60)],
  ["retry-after", inSeconds(7200), undefined],
  ["retry-after-ms", "250", "250"],
  ["retry-after-ms", "3600000", "3600000"],
  ["retry-after-ms", "999999999999", undefined],
  ["retry-after-ms", "1e9", undefined],
  ["retry-after-ms", "NaN", undefined],
  ["x-should-retry", "true", "true"],
];

for (const dialect of DIALECTS.values()) {
  test(`advice on when to ask again is relayed within reason (${dialect.name})`, () => {
    for (const [name, value, told] of ROWS) {
      const headers = providerHeaders({ [name]: value, server: "x" }, dialect, dialect, NOW);
      deepEqual(headers, told === undefined ? {} : { [name]: told }, `${name}: ${value}`);
    }
  });
}
