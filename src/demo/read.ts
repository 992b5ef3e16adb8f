/** Readers that both simulated APIs use: lists, texts and attachments of a request. */

import { isObject, type Json, type JsonObject } from "../json.ts";
import type { Headers } from "./api.ts";

/** The token of `Authorization: Bearer`. */
export function bearerOf(headers: Headers): string | undefined {
  return /^Bearer +(.*\S)/i.exec(headers["authorization"] ?? "")?.[1];
}

/** The objects of a list; none for anything else. */
export function objectsOf(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter((item) => isObject(item)) : [];
}

/** A string, or the texts of a list of parts, joined. */
export function textOf(value: Json | undefined): string {
  if (typeof value === "string") return value;
  return objectsOf(value).map((part) => typeof part["text"] === "string" ? part["text"] : "").join("");
}

/** Media type and size of base64 data. */
export function sizeOfBase64(mediaType: string, data: string): string {
  const padding = data.endsWith("==") ? 2 : data.endsWith("=") ? 1 : 0;
  return `${mediaType}, ${Math.floor(data.length * 3 / 4) - padding} bytes`;
}

/** True for a schema with an object that allows properties beside those it names. */
export function hasOpenObject(schema: Json | undefined): boolean {
  if (Array.isArray(schema)) return schema.some(hasOpenObject);
  if (!isObject(schema)) return false;
  if (schema["type"] === "object" && schema["additionalProperties"] !== false) return true;
  return Object.entries(schema).some(([key, value]) =>
    key !== "enum" && key !== "const" && hasOpenObject(value)
  );
}
