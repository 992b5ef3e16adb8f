/** The messages of a request, one function for each role. */

import type { CacheMark, Message, Part, TextPart, ToolResultPart } from "../../chat.ts";
import { sha256 } from "../../digest.ts";
import { invalidValue } from "../../errors.ts";
import type { Json } from "../../json.ts";
import { mapped, mayPause, type Work } from "../../work.ts";
import type { NumberedMessage } from "../pairing.ts";
import { assistantParts } from "./decode-assistant.ts";
import { cacheMark, contentParts, isText, type Losses, PARTS } from "./decode-parts.ts";
import { asPlace, booleanOf, member, pathOf, type Place, requiredString } from "./fields.ts";

/**
 * Decodes each message by itself, in order.
 * @throws GatewayError `invalid_value` with the path of what is malformed
 */
export function* decodeMessages(messages: readonly Json[], losses: Losses): Work<NumberedMessage[]> {
  /** The calls of the older shape have no id: the last one of a name is the one that a result of that name answers. */
  const functionIds = new Map<string, string>();
  const decoded = yield* mapped(messages, (value, index) => {
    const place = asPlace(value, `messages[${index}]`);
    const message = decodeMessage(place, index, functionIds, losses);
    return { index, message: marked(message, cacheMark(place, losses)) };
  });
  if (mayPause()) yield;
  reportNames(messages, losses);
  return decoded;
}

function decodeMessage(
  place: Place,
  index: number,
  functionIds: Map<string, string>,
  losses: Losses,
): Message {
  const role = requiredString(place, "role");
  switch (role) {
    case "system":
    case "developer":
      return { role: "system", content: parts(place, PARTS.system, losses) };
    case "user":
      return { role: "user", content: parts(place, PARTS.user, losses) };
    case "assistant":
      return { role: "assistant", content: assistantParts(place, newFunctionId, losses) };
    case "tool":
      return { role: "user", content: [toolResult(place, requiredString(place, "tool_call_id"), losses)] };
    case "function": {
      const name = requiredString(place, "name");
      return {
        role: "user",
        content: [toolResult(place, functionIds.get(name) ?? functionId(index, name), losses)],
      };
    }
    default:
      throw invalidValue(
        pathOf(place, "role"),
        `Invalid value: '${role.slice(0, 64)}'. Supported values are: ${ROLES}`,
      );
  }

  function newFunctionId(name: string): string {
    const id = functionId(index, name);
    functionIds.set(name, id);
    return id;
  }
}

const ROLES = "'system', 'developer', 'user', 'assistant', 'tool', and 'function'";

/** The same history gives the same ids, so that a provider's prompt cache holds. */
function functionId(index: number, name: string): string {
  return `call_${sha256(`${index}:${name}`).slice(0, 16)}`;
}

function parts(place: Place, readers: (typeof PARTS)["system" | "user"], losses: Losses): Part[] {
  const content = member(place, "content");
  if (content === undefined) {
    throw invalidValue(
      pathOf(place, "content"),
      `Missing required parameter: '${pathOf(place, "content")}'`,
    );
  }
  return contentParts(content, pathOf(place, "content"), readers, losses);
}

function toolResult(place: Place, id: string, losses: Losses): ToolResultPart {
  const content = member(place, "content") ?? "";
  const found = contentParts(content, pathOf(place, "content"), PARTS.tool, losses);
  return {
    type: "tool-result",
    id,
    content: found.filter((part) => !isText(part) || part.text !== ""),
    // Only a word of the client's own: a result that speaks of an error may be a good result.
    failed: booleanOf(place, "is_error") ?? false,
  };
}

/** A mark on a message is a mark on its last part that may have one. */
function marked(message: Message, mark: { readonly cache?: CacheMark }): Message {
  if (mark.cache === undefined) return message;
  const at = message.content.findLastIndex(isMarkable);
  return {
    ...message,
    content: message.content.map((part, index) => index === at ? { ...part, ...mark } as Part : part),
  };
}

function isMarkable(
  part: Part,
): part is Exclude<Part, { type: "thinking" | "redacted-thinking" }> | TextPart {
  return part.type !== "thinking" && part.type !== "redacted-thinking";
}

/** Nobody else has names for participants. Said once, however many messages have one. */
function reportNames(messages: readonly Json[], losses: Losses): void {
  const at = messages.findIndex((value) => {
    const place = asPlace(value, "");
    return member(place, "name") !== undefined && member(place, "role") !== "function";
  });
  if (at === -1) return;
  const field = `messages[${at}].name`;
  losses.push({ field, code: "name", refuse: false, message: `'${field}' has no counterpart` });
}
