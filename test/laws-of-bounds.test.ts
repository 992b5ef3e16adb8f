/**
 * The law of bounds: nothing that is kept grows with what others send, except up to a stated limit. Each store, queue and
 * buffer is named here with its limit, and driven beyond it: here, or in the test that is named. A store that is new in
 * the source and not in the table fails the test.
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { type IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { test } from "node:test";
import { createByteBudget, MAX_BYTES } from "../src/byte-budget.ts";
import { descriptorShares } from "../src/descriptors.ts";
import { GatewayError } from "../src/errors.ts";
import { createInFlight } from "../src/in-flight.ts";
import { createRecall, MAX_CHARACTERS } from "../src/recall.ts";
import { createConnections } from "../src/runtime/connections.ts";
import { fakeClock } from "./tools/fake-clock.ts";
import { storesOf } from "./tools/stores.ts";

interface Bound {
  /** How much of what there may be, and who decides it. */
  readonly limit: string;
  /** Drives it beyond its limit. */
  readonly drive: (() => void) | Driven;
}

/** The test that does. */
interface Driven {
  readonly file: string;
  readonly title: string;
}

const inTest = (file: string, title: string): Driven => ({ file, title });

/** What lives as long as the process, or as a connection. */
const STORES: Readonly<Record<string, Bound>> = {
  "recall.ts shelves": { limit: "32 million characters, in equal shares; an hour", drive: driveRecall },
  "byte-budget.ts byUser": { limit: "users with bodies under way: 128 MiB, 96 of one", drive: driveBodies },
  "in-flight.ts count": { limit: "the providers' share of the descriptors", drive: driveInFlight },
  "in-flight.ts byUser": {
    limit: "users with requests under way: three quarters of one",
    drive: driveInFlight,
  },
  "runtime/connections.ts all": { limit: "the clients' share of the descriptors", drive: driveConnections },
  "runtime/connections.ts idle": { limit: "connections, of which it is a part", drive: driveConnections },
  "runtime/connections.ts waiting": {
    limit: "16 requests of a connection at once, and 112 that wait with bodies up to 16 KiB",
    drive: inTest(
      "faults/pipelining",
      "requests beyond those that may wait are refused, and the connection ends",
    ),
  },
  "runtime/connections.ts ignored": {
    limit: "1,000 requests behind a refused one, then the connection is cut",
    drive: inTest("faults/pipelining", "a client that never stops sending behind a refused request is cut"),
  },
  "slices.ts waiting": {
    limit: "requests under way, and a reload: one turn each",
    drive: inTest("slices", "several who work long take turns, each a slice"),
  },
  "runtime/speed-watch.ts bodies": {
    limit: "requests under way; 60 s each",
    drive: inTest("faults/ingress", "F02: a body that drips in is refused, though something always comes"),
  },
  "runtime/stall-watch.ts all": {
    limit: "requests under way, one each",
    drive: inTest(
      "faults/slow-readers",
      "a writer remembers its one write that waits, and keeps the order of what comes behind it",
    ),
  },
  "runtime/listen.ts servers": {
    limit: "replaced listeners that still have connections: those are counted together",
    drive: inTest(
      "runtime/self-check",
      "a listener that accepts nothing any more is replaced, and its replacement is left alone",
    ),
  },
  "upstream/connections.ts idle": {
    limit: "connections to providers: their share of the descriptors, idle ones make room",
    drive: inTest("upstream/connections", "idle connections to one provider make room for another"),
  },
  "attempt/learned.ts models": {
    limit: "models of the configuration; a closed list of words each",
    drive: inTest(
      "attempt/learned",
      "a provider that changed, and targets that are not configured any more, are forgotten",
    ),
  },
  "routing/health.ts states": {
    limit: "targets of the configuration; 30 seconds each",
    drive: inTest(
      "routing/health",
      "what is not configured any more is forgotten, and new when it comes back",
    ),
  },
  "routing/credentials.ts states": {
    limit: "providers of the configuration",
    drive: inTest(
      "routing/health",
      "what is not configured any more is forgotten, and new when it comes back",
    ),
  },
  "routing/retry.ts buckets": {
    limit: "targets of the configuration; ten retries each",
    drive: inTest("routing/retry", "no more than ten retries are saved up"),
  },
  "account/sinks.ts waiting lines": {
    limit: "4 MiB, then lines are lost and counted",
    drive: inTest("account/sinks", "lines beyond four megabytes that wait for the disk are lost, not kept"),
  },
};

/** What lives as long as one request or its answer, and is bounded with them. */
const OF_A_REQUEST: Readonly<Record<string, string>> = {
  "credential-search.ts byPlace": "the credentials of one policy, or those that one request brought",
  "dialects/anthropic-messages/relay.ts turns": "turns of a request, whose JSON has 200,000 values",
  "dialects/collect.ts calls": "tool calls of an answer, which has 64 MiB",
  "dialects/collect.ts citations": "citations of an answer, which has 64 MiB",
  "dialects/collect.ts parts": "parts of an answer, which has 64 MiB",
  "dialects/collect.ts warnings": "a closed list of words",
  "account/entry.ts attempts": "the targets of a route and their retries",
  "account/entry.ts held": "bodies: one lease for each piece, of the byte budget",
  "account/entry.ts warned": "a closed list of words",
  "pieces.ts waiting": "what came before the source was told to pause",
  "recall.ts thoughts": "32 million characters; more is not gathered",
  "recall.ts calls": "tool calls of an answer, which has a limit of its own",
};

/** What holds the operator's own words and nobody else's. */
const OF_THE_OPERATOR: Readonly<Record<string, string>> = {
  "commands/workers/crew.ts members": "`--workers`",
  "commands/workers/crew.ts timers": "one for each worker",
  "commands/workers/serve-orders.ts pieces": "an order of the first process",
  "config/difference.ts NO_KEYS": "nothing: it stays empty",
  "config/document.ts copies": "the file, while it is read",
  "config/document.ts frames": "the file, while it is read",
  "config/document.ts left": "the file, while it is read",
  "config/lines.ts frames": "the file, while it is read",
  "config/loader.ts held": "the secrets of one file: those that it names no more are dropped",
  "config/loader.ts marks": "the secrets of one file: those that it names no more are dropped",
  "config/loops.ts done": "the models of the file, while it is checked",
  "config/loops.ts loops": "the models of the file, while it is checked",
  "config/suggestions.ts found": "the places of the file, while it is checked",
  "config/suggestions.ts suggested": "the places of the file, while it is checked",
  "config/watch.ts folders": "the folders of the files that are watched",
  "config/watch.ts places": "the files that are watched",
};

const SOURCE = new URL("../src/", import.meta.url);
const found = readdirSync(SOURCE, { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => path.endsWith(".ts") && !path.startsWith("demo/"))
  .flatMap((path) => storesOf(path, readFileSync(new URL(path, SOURCE), "utf8")));

test("every store of the source is named with its limit", () => {
  const unnamed = found.filter(({ name }) =>
    ![STORES, OF_A_REQUEST, OF_THE_OPERATOR].some((table) => Object.hasOwn(table, name))
  );
  assert.deepEqual(unnamed, [], "Say in the table how much they may hold, and drive them beyond it");
});

test("no store of a request or of the operator is named that is not there any more", () => {
  const names = new Set(found.map(({ name }) => name));
  const bounded = [OF_A_REQUEST, OF_THE_OPERATOR].flatMap((table) => Object.keys(table));
  assert.deepEqual(bounded.filter((name) => !names.has(name)), []);
  // Counters and queues of other kinds are in the table by their file alone.
  const gone = Object.keys(STORES).filter((name) => {
    const [path = "", word = ""] = name.split(" ");
    return !readFileSync(new URL(path, SOURCE), "utf8").includes(word);
  });
  assert.deepEqual(gone, []);
});

test("a store is told from a table and from what lives in one call", () => {
  const names = (text: string) => storesOf("x.ts", text).map(({ name }) => name);
  assert.deepEqual(
    names(`
      const cache = new Map<string, number>();
      const TABLE = new Map([["a", 1]]);
      const NONE: ReadonlySet<string> = new Set();
      export function createThing() { const kept: string[] = []; return () => { const once = new Set(); }; }
      function read() { const pieces = []; }`),
    ["x.ts cache", "x.ts kept"],
  );
});

for (const [name, { limit, drive }] of Object.entries(STORES)) {
  if (typeof drive === "function") test(`${name}: ${limit}`, drive);
  else {
    test(`${name}: ${limit}; driven beyond it elsewhere`, () => {
      const text = readFileSync(new URL(`${drive.file}.test.ts`, import.meta.url), "utf8");
      assert(text.includes(drive.title), `No test of ${drive.file} is called "${drive.title}"`);
    });
  }
}

function driveRecall(): void {
  const recall = createRecall(fakeClock().monotonic);
  const kept = { thoughts: [{ type: "thinking", text: "x".repeat(100_000), signature: "s" } as const] };
  for (let count = 0; count < 1_000; count++) recall.keep(`user ${count % 7}`, "m", `${count}`, kept);
  assert(recall.size <= MAX_CHARACTERS && recall.size > MAX_CHARACTERS / 2);
}

function driveBodies(): void {
  const budget = createByteBudget(() => 0);
  let taken = 0;
  for (let count = 0; count < 1_000; count++) {
    try {
      budget.take(`user ${count % 3}`, MAX_BYTES / 64);
      taken += MAX_BYTES / 64;
    } catch (thrown) {
      assert(thrown instanceof GatewayError && thrown.code === "overloaded");
    }
  }
  assert.equal(taken, MAX_BYTES);
  assert.equal(budget.users, 3);
}

function driveInFlight(): void {
  const limit = descriptorShares().upstream;
  const inFlight = createInFlight(() => 0, limit);
  for (let count = 0; count < limit; count++) inFlight.enter(`user ${count % 2}`, false);
  assert.throws(
    () => inFlight.enter("another", false),
    (error) => error instanceof GatewayError && error.status === 503,
  );
  assert.equal(inFlight.count, limit);
}

function driveConnections(): void {
  const answered: boolean[] = [];
  const connections = createConnections({
    max: 40,
    answer: (visit) => {
      answered.push(visit.crowded);
      return Promise.resolve();
    },
    onIdle: () => {},
    onError: assert.fail,
  });
  const opened = Array.from({ length: 500 }, () => {
    const socket = new Socket();
    connections.opened(socket);
    assert(connections.count <= 40);
    return socket;
  });
  // Those that were idle made room; those with a request under way do not.
  for (const socket of opened.filter(({ destroyed }) => !destroyed)) ask(socket);
  const more = Array.from({ length: 10 }, () => {
    const socket = new Socket();
    connections.opened(socket);
    ask(socket);
    return socket;
  });
  assert(answered.slice(0, 30).every((crowded) => !crowded) && answered.slice(-10).every(Boolean));
  for (const socket of [...opened, ...more]) socket.destroy();

  function ask(socket: Socket): void {
    const request = { socket, headers: {}, complete: true, method: "GET" } as unknown as IncomingMessage;
    connections.request(request, new ServerResponse(request), {});
  }
}
