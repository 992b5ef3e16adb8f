/** A whole answer of the Messages API, read as a stream that comes all at once: both give the same reply. */

import type { ChatReply } from "../../chat.ts";
import { GatewayError } from "../../errors.ts";
import { isObject, type Json, type JsonObject } from "../../json.ts";
import { isAbsent } from "../absent.ts";
import { collect } from "../collect.ts";
import type { Undo } from "../dialect.ts";
import { run } from "../stepper.ts";
import { type AnswerStep, readAnswer } from "./decode-answer.ts";
import { decodeInnerError } from "./error.ts";

/**
 * Reads a whole answer.
 * @throws GatewayError the provider's own error if the body is one, `upstream_invalid_response` if it is no answer
 */
export function decodeReply(body: Json, undo: Undo): ChatReply {
  if (!isObject(body) || body.type !== "message") {
    throw decodeInnerError(body) ?? invalidResponse("it is not a message");
  }
  return collect(run(readAnswer(undo, invalidResponse), steps(body, blocksOf(body))));
}

/**
 * Makes sure that an answer is a count of tokens.
 * @throws GatewayError the error inside of it, or `upstream_invalid_response`
 */
export function checkCount(body: Json): void {
  if (isObject(body) && typeof body.input_tokens === "number") return;
  throw decodeInnerError(body) ?? invalidResponse("it has no count of tokens");
}

/** The blocks of a message: none, where a reason for its end is all that it says, or a text alone. */
function blocksOf(message: JsonObject): readonly Json[] {
  const { content } = message;
  if (Array.isArray(content)) return content;
  if (typeof content === "string" && content !== "") return [{ type: "text", text: content }];
  if (!isAbsent(content) || isAbsent(message.stop_reason)) throw invalidResponse("it has no content");
  return [];
}

function steps(message: JsonObject, content: readonly Json[]): AnswerStep[] {
  return [
    { type: "message", message },
    ...content.flatMap((block, index): AnswerStep[] => [
      { type: "block-start", index, block },
      { type: "block-stop", index },
    ]),
    { type: "stop-fields", fields: message, usage: undefined },
    { type: "stop" },
  ];
}

function invalidResponse(what: string): GatewayError {
  return new GatewayError("upstream_invalid_response", `The provider's answer is malformed: ${what}`, {
    failure: "invalid",
  });
}
