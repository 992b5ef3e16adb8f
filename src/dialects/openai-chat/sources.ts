/**
 * Images and files inside a request: data URLs, bare base64 and links become sources. Nothing is fetched; what is
 * neither an image nor a document that models read is refused.
 */

import type { DocumentPart, ImagePart, Source } from "../../chat.ts";
import { invalidValue } from "../../errors.ts";
import { bytesOfBase64, toBase64 } from "../base64.ts";

/** A file's content with the media type that it claims, `""` for none. */
interface Content {
  readonly mediaType: string;
  readonly base64: string;
}

/**
 * The part that an image URL stands for: a PDF is a document.
 * @throws GatewayError `invalid_value` at `path` for other schemes than `https:` and `data:`, and for other types
 */
export function partOfUrl(url: string, path: string): ImagePart | DocumentPart {
  if (/^data:/i.test(url)) {
    const content = readDataUrl(url, path);
    return imagePart(content) ?? pdfPart(content, undefined) ?? refuseType(content.mediaType, path);
  }
  if (!/^https:\/\//i.test(url)) {
    throw invalidValue(path, `Invalid '${path}': only 'https:' and 'data:' URLs are accepted`);
  }
  const source: Source = { type: "url", url };
  const pathname = url.replace(/[?#].*$/s, "");
  return /\.pdf$/i.test(pathname) ? { type: "document", source } : { type: "image", source };
}

/**
 * The part that a file stands for; its type is what its data URL says, else its name's ending, else what it begins with.
 * @param data a data URL or bare base64
 * @throws GatewayError `invalid_value` at `path` for types that models do not read
 */
export function partOfFile(data: string, name: string | undefined, path: string): ImagePart | DocumentPart {
  const content = /^data:/i.test(data) ? readDataUrl(data, path) : {
    mediaType: "",
    base64: checkedBase64(data, path),
  };
  const claimed = content.mediaType === "" || content.mediaType === "application/octet-stream"
    ? { ...content, mediaType: typeOfName(name) ?? "" }
    : content;
  return imagePart(claimed) ?? pdfPart(claimed, name) ?? textPart(claimed, name, path) ??
    refuseType(claimed.mediaType, path);
}

const IMAGE_TYPES = new Set(["image/jpeg", "image/png", "image/gif", "image/webp"]);

/** Names that are in use for a type that has another (hermes-agent#55432). */
const SAME_TYPE = new Map([
  ["image/jpg", "image/jpeg"],
  ["image/pjpeg", "image/jpeg"],
  ["image/jfif", "image/jpeg"],
  ["application/x-pdf", "application/pdf"],
]);

/** What files begin with, in base64. */
const MAGIC: readonly (readonly [string, string])[] = [
  ["/9j/", "image/jpeg"],
  ["iVBORw0KGgo", "image/png"],
  ["R0lGOD", "image/gif"],
  ["UklGR", "image/webp"],
  ["JVBERi0", "application/pdf"],
];

const ENDINGS = new Map([
  ["pdf", "application/pdf"],
  ["txt", "text/plain"],
  ["md", "text/markdown"],
  ["csv", "text/csv"],
  ["html", "text/html"],
  ["json", "application/json"],
  ["png", "image/png"],
  ["jpg", "image/jpeg"],
  ["jpeg", "image/jpeg"],
  ["gif", "image/gif"],
  ["webp", "image/webp"],
]);

const TEXT_TYPE = /^text\/|^application\/(?:json|csv|xml|markdown)$|\+(?:json|xml)$/;

function imagePart({ mediaType, base64 }: Content): ImagePart | undefined {
  const type = IMAGE_TYPES.has(mediaType) ? mediaType : unlabelled(mediaType, base64);
  if (type === undefined || !IMAGE_TYPES.has(type)) return undefined;
  return { type: "image", source: { type: "base64", mediaType: type, data: base64 } };
}

function pdfPart({ mediaType, base64 }: Content, title: string | undefined): DocumentPart | undefined {
  const type = unlabelled(mediaType, base64) ?? mediaType;
  if (type !== "application/pdf") return undefined;
  const source: Source = { type: "base64", mediaType: type, data: base64 };
  return { type: "document", source, ...(title !== undefined && { title }) };
}

function textPart({ mediaType, base64 }: Content, title: string | undefined, path: string) {
  if (!TEXT_TYPE.test(mediaType)) return undefined;
  const bytes = bytesOfBase64(base64);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw invalidValue(path, `Invalid '${path}': a file of type '${mediaType}' must be UTF-8 text`);
  }
  const part: DocumentPart = {
    type: "document",
    source: { type: "text", text },
    ...(title !== undefined && { title }),
  };
  return part;
}

/** The type that the content itself shows, for content that came without a useful label. */
function unlabelled(mediaType: string, base64: string): string | undefined {
  if (mediaType !== "" && mediaType !== "application/octet-stream") return undefined;
  return MAGIC.find(([beginning]) => base64.startsWith(beginning))?.[1];
}

function typeOfName(name: string | undefined): string | undefined {
  return ENDINGS.get(/\.([^.]+)$/.exec(name ?? "")?.[1]?.toLowerCase() ?? "");
}

/** `data:[type][;parameter…][;base64],content`, in any order that clients write it in. */
function readDataUrl(url: string, path: string): Content {
  const comma = url.indexOf(",");
  if (comma === -1) throw invalidValue(path, `Invalid '${path}': the data URL has no ','`);
  const head = url.slice("data:".length, comma);
  const semicolon = head.indexOf(";");
  const label = (semicolon === -1 ? head : head.slice(0, semicolon)).trim().toLowerCase();
  const mediaType = SAME_TYPE.get(label) ?? label;
  const content = url.slice(comma + 1);
  const isBase64 = /;\s*base64\s*(?:;|$)/i.test(head);
  return { mediaType, base64: isBase64 ? checkedBase64(content, path) : toBase64(percentDecoded(content)) };
}

/** Base64 without white space. @throws GatewayError `invalid_value` for what is not base64 or is empty */
function checkedBase64(text: string, path: string): string {
  const data = /\s/.test(text) ? text.replace(/\s+/g, "") : text;
  const padded = data.length % 4 === 0 || data.endsWith("=")
    ? data
    : data + "=".repeat(4 - (data.length % 4));
  if (data !== "" && padded.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(padded)) return padded;
  throw invalidValue(path, `Invalid '${path}': expected base64-encoded data`);
}

/** The bytes of percent-encoded content; a `%` that encodes nothing stands for itself. */
function percentDecoded(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  const decoded = new Uint8Array(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const [high, low] = bytes[at] === 0x25 ? [hexDigit(bytes[at + 1]), hexDigit(bytes[at + 2])] : NO_DIGITS;
    const encoded = high !== -1 && low !== -1;
    decoded[length++] = encoded ? high * 16 + low : bytes[at]!;
    if (encoded) at += 2;
  }
  return decoded.subarray(0, length);
}

const NO_DIGITS = [-1, -1] as const;

/** What a hexadecimal digit stands for; -1 for what is none. */
function hexDigit(code = 0): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function refuseType(mediaType: string, path: string): never {
  const type = mediaType === "" ? "a file of unknown type" : `'${mediaType.slice(0, 64)}'`;
  throw invalidValue(
    path,
    `Invalid '${path}': ${type} is not supported; JPEG, PNG, GIF and WebP images, PDF and text files are`,
  );
}
