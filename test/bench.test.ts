/** The benchmark runs: tiny counts, no figure is judged. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { promisify } from "node:util";

const RUN = new URL("./bench/run.ts", import.meta.url).pathname;

test("the benchmark measures the proxy in every way and writes its table", async () => {
  const out = await mkdtemp(join(tmpdir(), "ai-proxy-bench-test-"));
  try {
    const proxy = "deno" in process.versions ? "ai-proxy-deno" : "ai-proxy-source";
    const counts = [
      "--quick",
      "--rounds=1",
      "--seconds=0.2",
      "--warm=0",
      "--rate=50,100",
      "--streams=3",
      "--held=3",
    ];
    const flags = [`--systems=${proxy}`, "--sizes=2k", "--load=own", "--this-runtime", `--out=${out}`];
    const runtime = "deno" in process.versions ? ["run", "-A", "--no-check"] : [];
    await promisify(execFile)(process.execPath, [...runtime, RUN, ...counts, ...flags]);
    const report = JSON.parse(await readFile(join(out, "bench.json"), "utf8"));
    assert.deepEqual(report.notes, []);
    assert.equal(report.rows.length, 23);
    for (const row of report.rows) {
      for (const value of row.values[proxy] ?? [NaN]) assert.ok(Number.isFinite(value), row.name);
    }
    assert.match(
      await readFile(join(out, "bench.md"), "utf8"),
      /^\| CPU, translation 2k, µs\/request \| \d/m,
    );
  } finally {
    await rm(out, { recursive: true });
  }
});
