/**
 * The entry: the one record of a request. It is opened when the request line is read, told what happens, and closed
 * exactly once, when the last byte has gone or the client has.
 */

import { type ChatEvent, type ChatReply, isContent, type Usage, type Warning } from "../chat.ts";
import { type ErrorCode, type Failure, type GatewayError, isUpstreams } from "../errors.ts";
import type { FailureWord } from "../access/policy.ts";
import { countAnswer, estimateAnswer } from "../dialects/estimate.ts";

/** How a request ended. */
export type Outcome =
  | "ok"
  | "client_error"
  | "denied"
  | "upstream_error"
  | "upstream_timeout"
  | "stream_interrupted"
  | "client_disconnect"
  | "overloaded"
  | "draining"
  | "internal";

/** Where the token counts come from: an estimate is never called a measurement. */
export type UsageSource = "provider" | "partial" | "estimated" | "none";

/**
 * `ok`, the word that a failure falls under (its own status where `failoverOn` has none for it), or why nothing was sent.
 */
export type AttemptReason =
  | "ok"
  | FailureWord
  | Failure
  | "client_disconnect"
  | "cooling"
  | "key_missing"
  | "unsupported";

/** One try of one target. */
export interface Attempt {
  readonly model: string;
  readonly provider: string;
  /** The upstream's HTTP status; absent when there was no answer, or nothing was sent. */
  readonly status?: number | undefined;
  /** The provider's own word for its failure, else our code. */
  readonly code?: string | undefined;
  /** The provider's id of the request. */
  readonly requestId?: string | undefined;
  readonly reason: AttemptReason;
  /** A finer word: `dns`, `tls`, `redirect`. */
  readonly detail?: string | undefined;
  readonly ms: number;
}

/** What of a request is known when it comes in. */
export interface EntryStart {
  readonly requestId: string;
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly peer: string;
  readonly referer: string | undefined;
  readonly userAgent: string | undefined;
  readonly forwardedFor: string | undefined;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** A closed entry: what the log writes. */
export interface Entry extends EntryStart {
  readonly status: number;
  readonly bytes: number;
  readonly user: string | undefined;
  readonly key: string | undefined;
  /** The model asked for. */
  readonly model: string | undefined;
  /** The configured model that answered; of a request that failed, the last one that was asked. */
  readonly served: string | undefined;
  readonly provider: string | undefined;
  /** Every target that was looked at, in order. */
  readonly attempts: readonly Attempt[];
  /** How many of them a request went to, retries included. */
  readonly tries: number;
  /** The word of `failoverOn` for which the first target was left. */
  readonly failover: string | undefined;
  readonly outcome: Outcome;
  readonly usage: Usage | undefined;
  readonly usageSource: UsageSource;
  /** Our code of the error that the client got. */
  readonly error: ErrorCode | undefined;
  /** The provider's own word for it. */
  readonly upstreamError: string | undefined;
  /** The provider's status of an answer that failed. */
  readonly upstreamStatus: number | undefined;
  readonly warnings: readonly Warning[];
  readonly upstreamRequestId: string | undefined;
  /** Milliseconds from the request to the first content for the client. */
  readonly firstTokenMs: number | undefined;
  readonly durationMs: number;
}

/** Where a closed entry goes; never throws. */
export type Sink = (entry: Entry) => void;

/** An entry that is still open: what the stages of the line tell it. */
export interface OpenEntry {
  readonly requestId: string;
  /** Warnings so far, without repetitions. */
  readonly warnings: readonly Warning[];
  /** Requests that went to targets so far. */
  readonly tries: number;
  /** Milliseconds that targets took, failed tries included, until one was sure to answer. */
  readonly upstreamMs: number;
  readonly failover: string | undefined;
  identified(user: string, key: string | undefined): void;
  /** @param estimate tokens of the request, asked for at most once, and only where the provider has not counted them */
  asked(model: string, estimate: () => number): void;
  /** A request went to a target. */
  tried(attempt: Attempt): void;
  /** Nothing was sent to a target, and why. */
  skipped(model: string, provider: string, reason: AttemptReason): void;
  movedOn(word: AttemptReason): void;
  served(model: string, provider: string, upstreamRequestId: string | undefined): void;
  warned(warnings: readonly Warning[]): void;
  /** A step of the streamed answer, as it goes to the client. */
  saw(event: ChatEvent): void;
  /** The whole of a plain answer. */
  answered(reply: ChatReply): void;
  failed(error: GatewayError): void;
  /** Something that the request holds until it is released or closed; the function gives it back. */
  holds(giveBack: () => void): void;
  /**
   * Gives back what the request holds: nothing of it is needed any more.
   * @param counted the provider has counted the request
   */
  release(counted: boolean): void;
  /** Closes the entry; a second call does nothing. */
  close(end: { status: number; bytes: number; complete: boolean }): void;
}

/**
 * Opens an entry.
 * @param clock milliseconds that only ever grow
 */
export function openEntry(start: EntryStart, clock: () => number, sink: Sink): OpenEntry {
  const began = clock();
  const attempts: Attempt[] = [];
  let user: string | undefined;
  let key: string | undefined;
  let model: string | undefined;
  let servedBy: { model: string; provider: string; requestId: string | undefined } | undefined;
  let usage: Usage | undefined;
  /** Counts the request while it is held, and is its figure after that. */
  let estimateInput: () => number = () => 0;
  const said = countAnswer();
  let saidWhole = 0;
  let firstContentAt: number | undefined;
  /** Content went to the client piece by piece. */
  let streamed = false;
  /** The provider said all that it had to say, its usage included. */
  let ended = false;
  let error: GatewayError | undefined;
  let closed = false;
  let held: (() => void)[] = [];

  /** The provider's figures, or an estimate for an answer that came without. */
  const account = (outcome: Outcome): { usage: Usage | undefined; usageSource: UsageSource } => {
    if (usage) return { usage, usageSource: outcome === "ok" || ended ? "provider" : "partial" };
    // What a client runs away from is paid for once a provider has it, though nothing came back.
    const abandoned = outcome === "client_disconnect" && (servedBy !== undefined || attempts.some(wasLeft));
    const output = said.tokens() + saidWhole;
    if (output === 0 && !abandoned) return { usage: undefined, usageSource: "none" };
    const estimate = { input: estimateInput(), output };
    return { usage: { ...estimate, cacheRead: 0, cacheWrite: 0, reasoning: 0 }, usageSource: "estimated" };
  };

  const giveBack = () => {
    held.forEach((give) => give());
    held = [];
  };

  const warned = new Set<Warning>();
  const warn = (code: Warning) => {
    if (warned.has(code)) return;
    warned.add(code);
    open.warnings.push(code);
  };

  // Plain members: accessors of a literal are defined anew, and slowly, each time that it is made.
  const open: Open = {
    requestId: start.requestId,
    warnings: [],
    tries: 0,
    upstreamMs: 0,
    failover: undefined,
    identified: (name, keyName) => {
      user = name;
      key = keyName;
    },
    asked: (name, estimate) => {
      model = name;
      estimateInput = estimate;
    },
    tried: (attempt) => {
      open.tries++;
      open.upstreamMs += attempt.ms;
      attempts.push(attempt);
    },
    skipped: (name, provider, reason) => attempts.push({ model: name, provider, reason, ms: 0 }),
    movedOn: (word) => open.failover ??= word,
    served: (name, provider, requestId) => servedBy = { model: name, provider, requestId },
    warned: (codes) => codes.forEach(warn),
    saw: (event) => {
      if (isContent(event)) {
        firstContentAt ??= clock();
        streamed = true;
      }
      said.take(event);
      switch (event.type) {
        case "usage":
          usage = event.usage;
          return;
        case "warning":
          warn(event.warning);
          return;
        case "end":
          ended = true;
          return;
      }
    },
    answered: (reply) => {
      usage = reply.usage;
      ended = true;
      if (!usage) saidWhole = estimateAnswer(reply.content);
      firstContentAt ??= clock();
      reply.warnings.forEach(warn);
    },
    failed: (thrown) => error = thrown,
    holds: (giveBack) => held.push(giveBack),
    release: (counted) => {
      // What counts the request holds on to it.
      const tokens = counted ? 0 : estimateInput();
      estimateInput = () => tokens;
      giveBack();
    },
    close: ({ status, bytes, complete }) => {
      if (closed) return;
      closed = true;
      giveBack();
      const outcome = outcomeOf({ status, complete, error, streamed });
      // A client that takes nothing of its answer is given up; the provider has been paid for it all the same.
      const untaken = ended && error?.code === "request_timeout";
      const asked = servedBy ?? attempts.findLast(wasAsked);
      sink({
        ...start,
        // A client that left before its answer was complete has, in NGINX's custom, status 499.
        status: outcome === "client_disconnect" ? 499 : status,
        bytes,
        user,
        key,
        model,
        served: asked?.model,
        provider: asked?.provider,
        upstreamRequestId: asked?.requestId,
        attempts,
        tries: open.tries,
        failover: open.failover,
        outcome,
        ...(error && !streamed && !untaken && outcome !== "client_disconnect"
          ? { usage: undefined, usageSource: "none" }
          : account(outcome)),
        error: error?.code,
        upstreamError: error?.said ?? undefined,
        upstreamStatus: error?.upstream?.status,
        warnings: open.warnings,
        firstTokenMs: firstContentAt === undefined ? undefined : firstContentAt - began,
        durationMs: clock() - began,
      });
    },
  };
  return open;
}

/** What grows while an entry is open. */
type Open = OpenEntry & {
  warnings: Warning[];
  tries: number;
  upstreamMs: number;
  failover: string | undefined;
};

/** Whether a request went to the target: what was passed over took no time either. */
function wasAsked({ reason }: Attempt): boolean {
  return reason !== "cooling" && reason !== "key_missing" && reason !== "unsupported";
}

function wasLeft({ reason }: Attempt): boolean {
  return reason === "client_disconnect";
}

interface Ending {
  readonly status: number;
  readonly complete: boolean;
  readonly error: GatewayError | undefined;
  /** Some of the answer had gone out. */
  readonly streamed: boolean;
}

function outcomeOf({ status, complete, error, streamed }: Ending): Outcome {
  if (error && error.code !== "client_disconnect") {
    return streamed ? "stream_interrupted" : outcomeOfError(error);
  }
  if (error || !complete) return "client_disconnect";
  return status < 400 ? "ok" : "client_error";
}

function outcomeOfError(error: GatewayError): Outcome {
  if (isUpstreams(error) || error.code === "provider_key_missing") {
    if (error.blame === "caller") return "client_error";
    return error.failure === "timeout" ? "upstream_timeout" : "upstream_error";
  }
  switch (error.code) {
    case "draining":
    case "server_shutting_down":
      return "draining";
    case "overloaded":
    case "internal":
      return error.code;
    case "model_not_found":
      return "denied";
    default:
      return error.kind === "authentication" || error.kind === "permission" ? "denied" : "client_error";
  }
}
