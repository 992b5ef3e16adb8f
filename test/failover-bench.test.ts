/** The public failover bench with every wait shortened; `test/tools/failover-bench.ts` runs it at full length. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { countOf, runBench, tableOf } from "./tools/failover-bench.ts";

/** What cannot be saved once content is out, and a request that no model of the chain is asked to cut down. */
const SAFE = ["S08", "S09", "S10", "S12", "S14"];

test("of the failover bench's scenarios all pass but those in which an honest error is all there can be", async () => {
  const rows = await runBench(0.1);
  assert.equal(rows.length, 16);
  assert.deepEqual(
    rows.filter(({ verdict }) => verdict !== "pass").map(({ id, verdict }) => [id, verdict]),
    SAFE.map((id) => [id, "safe"]),
    tableOf(rows),
  );
  assert.equal(countOf(rows, "pass"), 11);
});
