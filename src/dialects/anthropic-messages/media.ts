/** Images and documents as the API takes them: their true type, their bytes without white space, nothing fetched. */

import type { DocumentPart, ImagePart, Source } from "../../chat.ts";
import { invalidValue } from "../../errors.ts";
import { bytesOfBase64 } from "../base64.ts";
import { cacheControl } from "./cache-marks.ts";
import {
  type DocumentBlock,
  type FileSource,
  IMAGE_TYPES,
  type ImageBlock,
  type ImageType,
  type UrlSource,
} from "./wire.ts";

/**
 * @param place gives the part's place in the request, for messages
 * @throws GatewayError `invalid_value` for a type, an address or a file that the API does not take
 */
export function encodeImage(part: ImagePart, place: Place): ImageBlock | DocumentBlock {
  const { source } = part;
  const cache = cacheControl(part.cache);
  switch (source.type) {
    case "base64": {
      const data = source.data.replace(/\s+/g, "");
      const type = imageType(data, source.mediaType);
      if (type) return { type: "image", source: { type: "base64", media_type: type, data }, ...cache };
      throw invalidValue(
        place(),
        `Image type '${source.mediaType}' is not one of ${IMAGE_TYPES.join(", ")}`,
      );
    }
    case "url": {
      const url = httpsUrl(source.url, place);
      const isPdf = new URL(source.url).pathname.toLowerCase().endsWith(".pdf");
      return { type: isPdf ? "document" : "image", source: url, ...cache };
    }
    case "file":
      return { type: "image", source: file(source.id, place), ...cache };
    case "text":
      throw invalidValue(place(), "An image cannot be a text");
  }
}

/**
 * @param place gives the part's place in the request, for messages
 * @throws GatewayError `invalid_value` for a type, an address or a file that the API does not take
 */
export function encodeDocument(part: DocumentPart, place: Place): ImageBlock | DocumentBlock {
  const { source } = part;
  const rest = { ...(part.title ? { title: part.title } : {}), ...cacheControl(part.cache) };
  switch (source.type) {
    case "base64":
      return encodeBytes(source, rest, place);
    case "text":
      return { type: "document", source: plainText(source.text), ...rest };
    case "url":
      return { type: "document", source: httpsUrl(source.url, place), ...rest };
    case "file":
      return { type: "document", source: file(source.id, place), ...rest };
  }
}

/** Looked for only when it is told: that takes a walk through the whole request. */
type Place = () => string;
type Rest = Pick<DocumentBlock, "title" | "cache_control">;

function encodeBytes(
  source: Extract<Source, { type: "base64" }>,
  rest: Rest,
  place: Place,
): ImageBlock | DocumentBlock {
  const data = source.data.replace(/\s+/g, "");
  const mediaType = bareType(source.mediaType);
  if (mediaType === PDF || firstBytes(data).startsWith("%PDF")) {
    return { type: "document", source: { type: "base64", media_type: PDF, data }, ...rest };
  }
  if (mediaType.startsWith("text/") || TEXT_TYPES.has(mediaType)) {
    return { type: "document", source: plainText(decodeText(data, place)), ...rest };
  }
  const image = imageType(data, mediaType);
  if (image) {
    const { cache_control } = rest;
    return {
      type: "image",
      source: { type: "base64", media_type: image, data },
      ...(cache_control ? { cache_control } : {}),
    };
  }
  throw invalidValue(place(), `File type '${source.mediaType}' is neither PDF, text nor an image`);
}

const PDF = "application/pdf";
const TEXT_TYPES = new Set(["application/json", "application/xml", "application/yaml", "application/x-yaml"]);

/** Other names of a type that clients use (hermes-agent#55432). */
const ALIASES: ReadonlyMap<string, ImageType> = new Map([
  ["image/jpg", "image/jpeg"],
  ["image/pjpeg", "image/jpeg"],
  ["image/jfif", "image/jpeg"],
  ["jfif", "image/jpeg"],
]);

/** What the bytes say goes before what the label says: the API refuses a wrong label (litellm#24900). */
function imageType(data: string, label: string): ImageType | undefined {
  const bytes = firstBytes(data);
  if (bytes.startsWith("\x89PNG")) return "image/png";
  if (bytes.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (bytes.startsWith("GIF8")) return "image/gif";
  if (bytes.startsWith("RIFF") && bytes.startsWith("WEBP", 8)) return "image/webp";
  const type = bareType(label);
  return ALIASES.get(type) ?? IMAGE_TYPES.find((allowed) => allowed === type);
}

/** The first twelve bytes, one character each; empty when they are not base64. */
function firstBytes(data: string): string {
  try {
    return atob(data.slice(0, 16));
  } catch {
    return "";
  }
}

/** `text/plain; charset=utf-8` is `text/plain`. */
function bareType(mediaType: string): string {
  return (mediaType.split(";")[0] ?? "").trim().toLowerCase();
}

function decodeText(data: string, place: Place): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytesOfBase64(data));
  } catch {
    throw invalidValue(place(), "The file's data is not UTF-8 text in base64");
  }
}

function plainText(data: string) {
  return { type: "text", media_type: "text/plain", data } as const;
}

/** The provider fetches it; plain HTTP would let a request reach into the provider's or anyone's network. */
function httpsUrl(url: string, place: Place): UrlSource {
  if (/^https:\/\//i.test(url) && URL.canParse(url)) return { type: "url", url };
  const shown = url.length > 100 ? `${url.slice(0, 100)}…` : url;
  throw invalidValue(place(), `The address '${shown}' is not an https URL`);
}

function file(id: string, place: Place): FileSource {
  if (id.startsWith("file_")) return { type: "file", file_id: id };
  throw invalidValue(place(), `Invalid file_id for this provider: '${id}'`);
}
