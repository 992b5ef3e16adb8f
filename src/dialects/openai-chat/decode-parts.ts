/** Content parts of messages: one function for each type. */

import type { CacheMark, DocumentPart, ImagePart, Loss, Part, TextPart } from "../../chat.ts";
import { invalidValue } from "../../errors.ts";
import type { Json } from "../../json.ts";
import {
  asPlace,
  member,
  objectOf,
  pathOf,
  type Place,
  requiredObject,
  requiredString,
  stringOf,
  wordOf,
  wrongType,
} from "./fields.ts";
import {
  redactedThinkingPart,
  sourcePart,
  thinkingPart,
  toolResultPart,
  toolUsePart,
} from "./foreign-parts.ts";
import { partOfFile, partOfUrl } from "./sources.ts";

export type ContentPart = TextPart | ImagePart | DocumentPart;

/** Where decoders put what they cannot carry. */
export type Losses = Loss[];

/** What a content may hold, by the part's type. */
type Reader<Read extends Part = ContentPart> = (part: Place, losses: Losses) => Read | undefined;
type Readers<Read extends Part> = ReadonlyMap<string, Reader<Read>>;

const TEXT: readonly [string, Reader<TextPart>] = ["text", textPart];
const IMAGE: readonly [string, Reader] = ["image_url", imagePart];
const FILE: readonly [string, Reader] = ["file", filePart];
/** Blocks of the Messages API, which several clients write here too. */
const SOURCES: readonly (readonly [string, Reader])[] = [["image", markedSource], ["document", markedSource]];

/** The API says text alone; images are a widespread extension. */
const TOOL: Readers<ContentPart> = new Map([TEXT, IMAGE, FILE, ...SOURCES]);

/** Which parts a message of a role may have. */
export const PARTS = {
  system: new Map([TEXT]) as Readers<TextPart>,
  user: new Map<string, Reader<Part>>([
    TEXT,
    IMAGE,
    FILE,
    ["input_audio", refuseAudio],
    ...SOURCES,
    [
      "tool_result",
      (part, losses) =>
        marked(
          part,
          losses,
          toolResultPart(
            part,
            (value, path) =>
              contentParts(value, path, TOOL, losses).filter((each) => !isText(each) || each.text !== ""),
          ),
        ),
    ],
  ]) as Readers<Part>,
  assistant: new Map<string, Reader<Part>>([
    TEXT,
    ["refusal", refusalPart],
    ["thinking", thinkingPart],
    ["redacted_thinking", redactedThinkingPart],
    ["tool_use", (part, losses) => marked(part, losses, toolUsePart(part))],
    // Where a sentence is from (Mistral).
    ["reference", (part, losses) => lost(part.path, "citations", losses)],
    ...["image_url", "image"].map((type): [string, Reader<Part>] => [
      type,
      (part, losses) => lost(part.path, "images", losses),
    ]),
  ]) as Readers<Part>,
  tool: TOOL,
};

/** The types that the API itself has. */
const OWN: readonly string[] = ["text", "image_url", "file", "input_audio", "refusal"];

/**
 * The parts of a content: a string is one text.
 * @throws GatewayError `invalid_value` for a part of another type or shape
 */
export function contentParts<Read extends Part>(
  content: Json,
  path: string,
  readers: Readers<Read>,
  losses: Losses,
): (Read | TextPart)[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  if (!Array.isArray(content)) throw wrongType(path, "a string or an array of content parts", content);
  return content.flatMap((item, at) => {
    const part = asPlace(item, `${path}[${at}]`);
    const type = requiredString(part, "type");
    const read = readers.get(type);
    if (read) return read(part, losses) ?? [];
    const known = OWN.filter((each) => readers.has(each)).map((each) => `'${each}'`).join(", ");
    throw invalidValue(
      pathOf(part, "type"),
      `Invalid value: '${type.slice(0, 64)}'. Supported values are: ${known}`,
    );
  });
}

function markedSource(part: Place, losses: Losses): ContentPart {
  return marked(part, losses, sourcePart(part));
}

function marked<Marked extends Part>(part: Place, losses: Losses, read: Marked): Marked {
  return { ...read, ...cacheMark(part, losses) };
}

/** What an earlier answer had and no request can have. */
export function lost(field: string, code: string, losses: Losses): undefined {
  losses.push({ field, code, refuse: false, message: `'${field}' has no counterpart and was left out` });
}

/** Text that a caller knows to be text alone. */
export function isText(part: Part): part is TextPart {
  return part.type === "text";
}

/**
 * The cache mark on a part, message or tool: the provider's extension `cache_control`, or the API's own breakpoint,
 * whose lifetimes become the nearest of `5m` and `1h`.
 */
export function cacheMark(place: Place, losses: Losses): { cache?: CacheMark } {
  const control = objectOf(place, "cache_control");
  if (control) {
    wordOf(control, "type", ["ephemeral"]);
    const ttl = wordOf(control, "ttl", ["5m", "1h"]);
    return { cache: ttl === undefined ? {} : { ttl } };
  }
  const breakpoint = objectOf(place, "prompt_cache_breakpoint");
  if (!breakpoint) return {};
  wordOf(breakpoint, "mode", ["explicit"]);
  const ttl = wordOf(breakpoint, "ttl", ["5m", "30m", "1h", "12h"]);
  if (ttl === "12h") {
    losses.push({
      field: pathOf(breakpoint, "ttl"),
      code: "prompt_cache_breakpoint",
      refuse: false,
      message: "A cache lifetime of '12h' becomes '1h'",
    });
  }
  if (ttl === undefined) return { cache: {} };
  return { cache: { ttl: ttl === "5m" ? "5m" : "1h" } };
}

function textPart(part: Place, losses: Losses): TextPart {
  return { type: "text", text: requiredString(part, "text"), ...cacheMark(part, losses) };
}

function refusalPart(part: Place): TextPart {
  return { type: "text", text: requiredString(part, "refusal") };
}

function imagePart(part: Place, losses: Losses): ImagePart | DocumentPart {
  const path = pathOf(part, "image_url");
  const short = member(part, "image_url");
  // Many clients write the URL where the API wants an object around it.
  if (typeof short === "string") return { ...partOfUrl(short, path), ...cacheMark(part, losses) };
  const image = requiredObject(part, "image_url");
  const found = partOfUrl(requiredString(image, "url"), pathOf(image, "url"));
  const detail = wordOf(image, "detail", ["auto", "low", "high", "original"]);
  const shown = found.type === "image" && detail !== undefined && detail !== "auto" ? { detail } : {};
  return { ...found, ...shown, ...cacheMark(part, losses) };
}

function filePart(part: Place, losses: Losses): ImagePart | DocumentPart {
  const file = requiredObject(part, "file");
  const name = stringOf(file, "filename");
  const id = stringOf(file, "file_id");
  const cache = cacheMark(part, losses);
  if (id === undefined) {
    const path = pathOf(file, "file_data");
    return { ...partOfFile(requiredString(file, "file_data"), name, path), ...cache };
  }
  if (id.startsWith("file-")) losses.push(foreignFile(pathOf(file, "file_id"), id));
  return {
    type: "document",
    source: { type: "file", id },
    ...(name !== undefined && { title: name }),
    ...cache,
  };
}

/** A file that was uploaded to one provider means nothing to another. */
function foreignFile(field: string, id: string): Loss {
  const message = `Invalid file_id for this provider: '${id.slice(0, 64)}'`;
  return { field, code: "invalid_value", refuse: true, message };
}

function refuseAudio(part: Place, losses: Losses): undefined {
  losses.push({
    field: part.path,
    code: "unsupported_parameter",
    refuse: true,
    message: `Audio input is not supported by this model: '${part.path}'`,
  });
}
