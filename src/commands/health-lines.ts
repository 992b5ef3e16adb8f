/** What changes in the health of targets and credentials, as lines of the operator's log. */

import type { DownCause, HealthChange } from "../routing/health-change.ts";
import type { AppLog } from "../services.ts";

/**
 * Tells the operator of a change: an outage by two lines, when it begins and when it is over, however often the target
 * was tried between them.
 * @param now milliseconds since 1970
 * @param hasKey whether a key is configured for a provider
 */
export function tellHealth(
  change: HealthChange,
  log: Pick<AppLog, "info" | "warn" | "error">,
  now: number,
  hasKey: (provider: string) => boolean,
): void {
  switch (change.kind) {
    case "target_down":
      if (change.again) return;
      return log.warn(
        `${change.target} is passed over${forWhom(change.user)}: ${whyDown(change.cause)} (${
          answerOf(change)
        })`,
        "target_down",
      );
    case "target_up":
      return log.info(`${change.target} is up again: it was ${outage(change, now)}`, "target_up");
    case "target_waits":
      return log.info(
        `${change.target} is left in peace for ${
          seconds(change.ms)
        }, as its provider asks (${change.failure})`,
        "target_waits",
      );
    case "key_refused":
      return log.error(
        `${change.provider} is passed over for ${seconds(change.ms)}: ${
          hasKey(change.provider) ? "its key was refused" : "a request without a key was refused"
        } (${answerOf(change)})`,
        undefined,
        "credential_refused",
      );
    case "account_refused":
      return log.error(
        `${change.provider} is passed over for ${
          seconds(change.ms)
        }: its account has no credit, or is not in order ` +
          `(${answerOf(change)})`,
        undefined,
        "credential_refused",
      );
    case "credential_accepted":
      return log.info(
        `${change.provider} accepts its credential again: it was ${outage(change, now)}`,
        "outage_ended",
      );
  }
}

function forWhom(user: string | undefined): string {
  return user === undefined ? "" : ` for user ${JSON.stringify(user.slice(0, LONGEST_WORD))} alone`;
}

function whyDown(cause: DownCause): string {
  switch (cause.kind) {
    case "row":
      return `${cause.count} failures in a row`;
    case "share":
      return `${cause.failures} of ${cause.requests} requests failed`;
    case "no-connection":
      return "no connection in time";
    case "model":
      return "its provider refuses the model";
    case "probe":
      return "a probe failed";
  }
}

/** A provider's word is no longer than this in a line. */
const LONGEST_WORD = 100;

/** `429 insufficient_quota`; the word is the provider's, and may be anything. */
function answerOf({ failure, said, detail }: {
  readonly failure: string;
  readonly said: string | null;
  readonly detail?: string | undefined;
}): string {
  const word = said ?? detail;
  if (word === undefined || word === failure) return failure;
  return `${failure} ${
    /^[\w.-]+$/.test(word) ? word.slice(0, LONGEST_WORD) : JSON.stringify(word.slice(0, LONGEST_WORD))
  }`;
}

type Outage = Pick<Extract<HealthChange, { kind: "target_up" }>, "ms" | "failure" | "moved">;

/** `away from 2026-11-22T09:15:02Z to 2026-11-22T09:16:07Z (65 s, 500), 71 requests moved: 70 to …, 1 to …` */
function outage({ ms, failure, moved }: Outage, now: number): string {
  const requests = [...moved.values()].reduce((sum, count) => sum + count, 0);
  const where = [...moved].map(([target, count]) => `${count} to ${target}`).join(", ");
  return `away from ${time(now - ms)} to ${time(now)} (${seconds(ms)}${
    failure === undefined ? "" : `, ${failure}`
  }), ` +
    (requests === 0 ? "no request moved" : `${requests} request${requests === 1 ? "" : "s"} moved: ${where}`);
}

function time(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
}

function seconds(ms: number): string {
  return `${Number((ms / 1000).toFixed(1))} s`;
}
