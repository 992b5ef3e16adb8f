/**
 * Why an answer ended, in the words of all servers. One API's word is used by servers of the other, in capitals, with
 * dashes, or with the name of an enumeration before it; so there is one table, read without case and punctuation.
 */

import type { FinishReason } from "../chat.ts";
import { GatewayError } from "../errors.ts";
import type { Json } from "../json.ts";
import { isAbsent } from "./absent.ts";

/** What a word means: a finish; the server gave up before the model did; or the answer is none. */
export type Ending = FinishReason | "gave-up" | "failed";

/**
 * What a provider's word says of the end of its answer; undefined for a word that nobody knows. Such an answer must
 * not look complete: the readers take it as cut.
 */
export function endingOf(word: string): Ending | undefined {
  // Nearly all are written as they stand in the table.
  return ENDINGS.get(word) ?? ENDINGS.get(bare(word));
}

const WORDS: Readonly<Record<Ending, string>> = {
  stop:
    "stop stopped end end_turn eos eos_token end_of_text end_of_sequence stop_token complete completed finish " +
    "finished done success normal",
  "stop-sequence": "stop_sequence stop_sequences",
  "tool-calls": "tool_calls tool_call tool_use tool_uses function_call function_calls",
  length: "length max_length max_tokens max_token max_output_tokens max_completion_tokens max_new_tokens " +
    "max_tokens_reached token_limit token_limit_reached limit model_length truncated incomplete " +
    "model_context_window_exceeded context_window_exceeded context_length_exceeded context_length context_limit " +
    "context_exhausted repetition " +
    // The turn is to be continued by a request that nobody will send.
    "pause_turn pause paused compaction " +
    // The model wrote a call that its server could not read or did not expect.
    "malformed_function_call malformed_tool_call malformed_response unexpected_tool_call too_many_tool_calls " +
    "missing_thought_signature malformed_tool_use malformed_model_output",
  refusal: "refusal refused content_filter content_filtered filtered safety recitation " +
    "language blocklist blocked prohibited_content spii image_safety image_prohibited_content image_recitation " +
    "model_armor moderation flagged sensitive content_policy content_policy_violation policy_violation " +
    "guardrail guardrails guardrail_intervened error_toxic toxicity jailbreak",
  "gave-up":
    "abort aborted cancel cancelled canceled interrupted terminated preempted timeout timed_out time_limit " +
    "deadline_exceeded insufficient_system_resource overloaded network_error connection_error disconnected user_cancel",
  failed:
    "error failed failure server_error internal_error internal_server_error error_limit exception model_error",
};

const ENDINGS: ReadonlyMap<string, Ending> = new Map(
  (Object.keys(WORDS) as Ending[]).flatMap((ending) =>
    WORDS[ending].split(" ").flatMap((word) => [[word.replaceAll("_", ""), ending], [word, ending]] as const)
  ),
);

/**
 * The failure that a word stands for, if it does: another target may do better.
 * @param produced something was answered before: what the server gave up then is a cut answer
 */
export function failureOf(word: string | undefined, produced: boolean): GatewayError | undefined {
  const ending = word === undefined ? undefined : endingOf(word);
  if (ending === "gave-up" && !produced) {
    return new GatewayError("upstream_error", "The provider gave up before it answered", {
      status: 503,
      kind: "overloaded",
      said: word,
      shown: "overloaded",
    });
  }
  if (ending !== "failed") return undefined;
  const message = "The provider says that its answer failed";
  return new GatewayError("upstream_invalid_response", message, { failure: "invalid", said: word });
}

/** What a provider wrote for the end of its answer. */
export interface EndWord {
  readonly word: string | undefined;
  /** It wrote something that is no word. */
  readonly unreadable: boolean;
}

/** Reads the member that says why an answer ended; one that says nothing is no word. */
export function endWord(value: Json | undefined): EndWord {
  const isWord = typeof value === "string" && value !== "" &&
    (ENDINGS.has(value) || !NO_END.has(bare(value)));
  return isWord ? { word: value, unreadable: false } : { word: undefined, unreadable: !isAbsent(value) };
}

/**
 * What servers write into every chunk but the last (DashScope's own API `null`, watsonx `not_finished`, Gemini's
 * enumeration `FINISH_REASON_UNSPECIFIED`): a stream that breaks off behind one of them is not complete.
 */
const NO_END: ReadonlySet<string> = new Set(
  "null none nil undefined unspecified unset na notfinished unfinished notcomplete inprogress pending running generating"
    .split(" "),
);

/** A word without case, punctuation and the name of its enumeration. */
function bare(word: string): string {
  return word.toLowerCase().replace(/[^a-z0-9]/g, "").replace(/^(?:finish|stop)reason/, "");
}

/** What of an answer decides how its end is read. */
export interface EndSigns extends EndWord {
  /** It has calls of the client's tools. */
  readonly calls: boolean;
  /** The arguments of a call break off in the middle of their JSON. */
  readonly cutCall: boolean;
}

/**
 * The finish that a word stands for in an answer. A word for calls without a call, and one for a plain end beside
 * calls, is what several servers say: the calls decide. An unknown word is a cut: a client must not take for finished
 * what nobody knows to be. No word at all, where the answer is whole, is its plain end.
 */
export function finishOf({ word, unreadable, calls, cutCall }: EndSigns): FinishReason {
  const ending = word === undefined ? unreadable ? undefined : "stop" : endingOf(word);
  switch (ending) {
    case "stop":
    case "tool-calls":
      if (!calls) return "stop";
      return cutCall ? "length" : "tool-calls";
    case "stop-sequence":
    case "refusal":
      return ending;
    default:
      return "length";
  }
}

/** Whether the word said that calls are complete, and one of them is not. */
export function isMended(signs: EndSigns): boolean {
  return signs.cutCall && finishOf({ ...signs, cutCall: false }) === "tool-calls";
}
