/** Content parts of messages: one function for each type. */

import type { CacheMark, DocumentPart, ImagePart, Loss, TextPart } from "../../chat.ts";
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
import { partOfFile, partOfUrl } from "./sources.ts";

export type ContentPart = TextPart | ImagePart | DocumentPart;

/** Where decoders put what they cannot carry. */
export type Losses = Loss[];

/** What a content may hold, by the part's type. */
type Reader = (part: Place, losses: Losses) => ContentPart | undefined;

const TEXT: readonly [string, Reader] = ["text", textPart];
const IMAGE: readonly [string, Reader] = ["image_url", imagePart];
const FILE: readonly [string, Reader] = ["file", filePart];

/** Which parts a message of a role may have. */
export const PARTS = {
  system: new Map([TEXT]),
  user: new Map([TEXT, IMAGE, FILE, ["input_audio", refuseAudio]]),
  assistant: new Map([TEXT, ["refusal", refusalPart]]),
  /** The API says text alone; images are a widespread extension. */
  tool: new Map([TEXT, IMAGE, FILE]),
} as const satisfies Record<string, ReadonlyMap<string, Reader>>;

/**
 * The parts of a content: a string is one text.
 * @throws GatewayError `invalid_value` for a part of another type or shape
 */
export function contentParts(
  content: Json,
  path: string,
  readers: ReadonlyMap<string, Reader>,
  losses: Losses,
): ContentPart[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  if (!Array.isArray(content)) throw wrongType(path, "a string or an array of content parts", content);
  return content.flatMap((item, at) => {
    const part = asPlace(item, `${path}[${at}]`);
    const type = requiredString(part, "type");
    const read = readers.get(type);
    if (read) return read(part, losses) ?? [];
    const known = [...readers.keys()].map((each) => `'${each}'`).join(", ");
    throw invalidValue(
      pathOf(part, "type"),
      `Invalid value: '${type.slice(0, 64)}'. Supported values are: ${known}`,
    );
  });
}

/** Text that a caller knows to be text alone. */
export function isText(part: ContentPart): part is TextPart {
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
