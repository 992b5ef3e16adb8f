/** What `serve` and `ask` share: the real services behind the line. */

import { Buffer } from "node:buffer";
import { randomFillSync } from "node:crypto";
import type { Policy } from "../access/policy.ts";
import type { Sink } from "../account/entry.ts";
import type { Demo } from "../demo/start-demo.ts";
import { createByteBudget } from "../byte-budget.ts";
import { descriptorShares } from "../descriptors.ts";
import { createInFlight } from "../in-flight.ts";
import { createLearned } from "../attempt/learned.ts";
import { createRecall } from "../recall.ts";
import { createHealth } from "../routing/health.ts";
import { createRetryBudget } from "../routing/retry.ts";
import type { AppLog, Clock, Phase, Services } from "../services.ts";
import { openUpstreams } from "../upstream/send.ts";
import { tellHealth } from "./health-lines.ts";
import type { Io } from "./io.ts";
import type { Stores } from "./reload.ts";

export interface StartOptions {
  readonly policy: () => Policy;
  readonly sink: Sink;
  readonly log: AppLog;
  readonly phase: () => Phase;
}

export interface Started {
  readonly services: Services;
  /** What a reload must tell. */
  readonly stores: Stores;
  /** Closes the connections to providers; what still runs fails. */
  close(): Promise<void>;
}

/** Builds the services. Nothing is opened, read or called before a request needs it. */
export function startServices({ policy, sink, log, phase }: StartOptions): Started {
  const { send, close } = openUpstreams({ mostConnections: descriptorShares().upstream, warn: log.warn });
  const clock = systemClock();
  const recall = createRecall(clock.monotonic);
  const forgetting = setInterval(recall.forget, FORGETS_EVERY_MS);
  forgetting.unref();
  const health = createHealth({
    random: Math.random,
    onChange: (change) => tellHealth(change, log, clock.now(), (provider) => hasKey(policy(), provider)),
  });
  const retries = createRetryBudget();
  const learned = createLearned(clock.monotonic);
  return {
    services: {
      policy,
      send,
      clock,
      random: Math.random,
      newId: createIds(),
      health,
      retries,
      recall,
      learned,
      sink,
      log,
      bodies: createByteBudget(Math.random),
      inFlight: createInFlight(Math.random, descriptorShares().upstream),
      phase,
    },
    stores: {
      forget: (provider) => {
        health.forget(provider);
        learned.forget(provider);
      },
      keep: ({ models }) => {
        const targets = [...models.values()];
        health.keep(targets);
        retries.keep(targets);
        learned.keep(targets);
      },
    },
    close: () => {
      clearInterval(forgetting);
      return close();
    },
  };
}

function hasKey({ models }: Policy, provider: string): boolean {
  return [...models.values()].some(({ upstream: { name, secret } }) =>
    name === provider && secret !== "none"
  );
}

/** How often what is too old to be used is dropped. */
const FORGETS_EVERY_MS = 60_000;

const ID_BYTES = 12;
const IDS_AT_ONCE = 256;

/** Ids of 96 random bits, which are fetched for many at once: a call of the system for each would be felt. */
function createIds(): () => string {
  const random = Buffer.alloc(ID_BYTES * IDS_AT_ONCE);
  let at = random.length;
  return () => {
    if (at === random.length) {
      randomFillSync(random);
      at = 0;
    }
    at += ID_BYTES;
    return `req_${random.toString("hex", at - ID_BYTES, at)}`;
  };
}

/** Starts simulated providers. They are a fifth of the program, and loaded only when they are asked for. */
export async function simulate(env: Io["env"]): Promise<Demo> {
  const { startDemo } = await import("../demo/start-demo.ts");
  return startDemo(env);
}

function systemClock(): Clock {
  return {
    now: Date.now,
    monotonic: () => performance.now(),
    after: (ms, callback) => {
      // Longer delays overflow a timer and would fire at once.
      const timer = setTimeout(callback, Math.min(ms, 2 ** 31 - 1));
      return () => clearTimeout(timer);
    },
  };
}
