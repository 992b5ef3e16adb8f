/**
 * What the benchmark's provider serves: a place is the path below its origin, so that every system reaches the same
 * answer by its base URL alone. `plain/2k/20` is a whole answer of 2 KB after 20 ms, `stream/200/10` are 200 events
 * 10 ms apart.
 */

export type Place =
  | { readonly kind: "plain"; readonly size: Size; readonly delay: number }
  | { readonly kind: "stream"; readonly events: number; readonly pace: number };

/** Bytes of a body by its name. */
export const SIZES = { "64": 64, "2k": 2_000, "10k": 10_000, "38k": 38_000, "200k": 200_000 } as const;
export type Size = keyof typeof SIZES;
export const SIZE_NAMES = Object.keys(SIZES) as readonly Size[];

/** The wire formats, and where requests go below a base URL. */
export const WIRES = {
  "openai-chat": "/chat/completions",
  "anthropic-messages": "/messages",
} as const;
export type Wire = keyof typeof WIRES;

export function pathOf(place: Place): string {
  return place.kind === "plain"
    ? `plain/${place.size}/${place.delay}`
    : `stream/${place.events}/${place.pace}`;
}

/** The place in a request target such as `/plain/2k/20/v1/messages`. */
export function placeOf(target: string): Place | undefined {
  const [, kind, first = "", second = ""] = target.split("/");
  if (kind === "plain" && isSize(first)) return { kind, size: first, delay: Number(second) };
  if (kind === "stream") return { kind, events: Number(first), pace: Number(second) };
  return undefined;
}

/** The model that stands for a place at a provider of this wire. */
export function modelOf(place: Place, wire: Wire): string {
  return `${wire}-${pathOf(place).replaceAll("/", "-")}`;
}

/** True for what a server of files can answer: whole and at once. */
export function isFile(place: Place): boolean {
  return place.kind === "plain" && place.delay === 0;
}

export function isSize(text: string): text is Size {
  return Object.hasOwn(SIZES, text);
}
