/**
 * Server-sent events and their bytes (https://html.spec.whatwg.org/multipage/server-sent-events.html). Frames are cut
 * on bytes, at ASCII line ends, so that no character is ever split and a relayed frame is the bytes that came.
 */

import { GatewayError } from "../errors.ts";
import { tryParseJson } from "../json.ts";
import type { Stepper } from "./stepper.ts";

/** An event to write, or a comment that keeps a silent connection open. */
export type SseEvent =
  | { readonly event?: string; readonly data: string }
  | { readonly comment: string };

/**
 * One event as it came: its bytes up to and including the empty line, and what they say. A run of what says nothing
 * (comments, empty lines, events without data) is one frame: a provider may send millions of them.
 */
export interface SseFrame {
  readonly bytes: Uint8Array;
  /** The `event:` field; the `type` inside the data goes before it. */
  readonly event: string | undefined;
  /** The `data:` lines, joined; empty for a comment. */
  readonly data: string;
}

/** No event of a provider comes near this many bytes. */
export const MAX_EVENT_BYTES = 16 * 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

/**
 * Bytes in, frames out, however the bytes are cut. Line ends are LF, CRLF or CR. What stands behind the last empty
 * line counts only if its data is whole: servers leave the empty line out, connections break in the middle.
 * @throws GatewayError `upstream_invalid_event` past `MAX_EVENT_BYTES`
 */
export function splitFrames(): Stepper<Uint8Array, SseFrame> {
  const held = heldBytes();
  /** Where in `held` the line that is not yet ended begins, and how far it was searched for its end. */
  let line = 0;
  let searched = 0;
  let first = true;
  /** The frame that has begun says nothing so far: none of its lines has data. */
  let silent = true;

  const take = (final: boolean): SseFrame[] => {
    const frames: SseFrame[] = [];
    const bytes = held.bytes();
    const nextEnd = lineEnds(bytes, final);
    let begin = 0;
    /** Up to here the frames that begin at `begin` say nothing. */
    let said = 0;
    const hush = () => {
      if (said > begin) frames.push({ bytes: bytes.subarray(begin, said), event: undefined, data: "" });
      begin = Math.max(begin, said);
    };
    for (;;) {
      const end = nextEnd(searched);
      if (end === undefined) break;
      const start = line;
      line = searched = end.next;
      if (end.at > start) {
        silent &&= !hasData(bytes, start, end.at);
        continue;
      }
      if (end.next - said > MAX_EVENT_BYTES) throw tooLong();
      if (silent) said = end.next;
      else {
        hush();
        frames.push(readFrame(bytes.subarray(begin, end.next), first));
        begin = said = end.next;
        silent = true;
      }
      first = false;
    }
    hush();
    searched = Math.max(searched, bytes.length - 1, 0) - begin;
    line -= begin;
    held.drop(begin);
    return frames;
  };

  return {
    push(bytes) {
      held.add(bytes);
      const frames = take(false);
      if (held.bytes().length > MAX_EVENT_BYTES) throw tooLong();
      return frames;
    },
    end() {
      const frames = take(true);
      const rest = held.bytes();
      if (rest.length > 0) {
        const frame = readFrame(rest, first);
        // Whatever is written behind it begins an event of its own.
        if (isWhole(frame.data)) frames.push({ ...frame, bytes: withEmptyLine(rest) });
        held.drop(rest.length);
      }
      return frames;
    },
  };
}

/** The text of one event, ready to send. */
export function writeEvent(event: SseEvent): string {
  if ("comment" in event) return `: ${event.comment}\n\n`;
  const name = event.event === undefined ? "" : `event: ${event.event}\n`;
  return `${name}data: ${event.data}\n\n`;
}

/** Whether a line of an event may be one of data that is not empty; behind a byte order mark any line may. */
function hasData(bytes: Uint8Array, start: number, end: number): boolean {
  if (bytes[start] === BYTE_ORDER_MARK) return true;
  if (end - start <= DATA.length) return false;
  for (let at = 0; at < DATA.length; at++) if (bytes[start + at] !== DATA[at]) return false;
  return end - start > DATA.length + 1 || bytes[end - 1] !== SPACE;
}

const DATA = new TextEncoder().encode("data:");
const BYTE_ORDER_MARK = 0xef;

/** Where lines end in bytes, asked in order. */
function lineEnds(bytes: Uint8Array, final: boolean) {
  /** The next of each kind; the length of the bytes if there is none. Each byte is looked at once for each. */
  let [lf, cr] = [-1, -1];
  /** The next line's end at or after `from`, and where the line after it begins. */
  return (from: number): { at: number; next: number } | undefined => {
    if (cr < from) cr = indexOrEnd(bytes, CR, from);
    if (lf < from) lf = indexOrEnd(bytes, LF, from);
    if (lf < cr) return { at: lf, next: lf + 1 };
    if (cr === bytes.length) return undefined;
    if (lf === cr + 1 && lf < bytes.length) return { at: cr, next: cr + 2 };
    // A CR that is the last byte so far may be half of a CRLF.
    return cr + 1 < bytes.length || final ? { at: cr, next: cr + 1 } : undefined;
  };
}

/** Most lines that a provider could send to keep us busy are short: for those a call costs more than a look. */
const NEAR = 8;

function indexOrEnd(bytes: Uint8Array, byte: number, from: number): number {
  const near = Math.min(from + NEAR, bytes.length);
  for (let at = from; at < near; at++) if (bytes[at] === byte) return at;
  const at = bytes.indexOf(byte, near);
  return at === -1 ? bytes.length : at;
}

function readFrame(bytes: Uint8Array, first: boolean): SseFrame {
  let text = decoder.decode(bytes);
  if (first && text.startsWith("\ufeff")) text = text.slice(1);
  let event: string | undefined;
  const data: string[] = [];
  for (const line of text.includes("\r") ? text.split(/\r\n|\n|\r/) : text.split("\n")) {
    if (line === "" || line.startsWith(":")) continue;
    const colon = line.indexOf(":");
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "data") data.push(value);
    else if (field === "event") event = value;
  }
  return { bytes, event, data: data.length === 1 ? data[0] ?? "" : data.join("\n") };
}

function withEmptyLine(bytes: Uint8Array): Uint8Array {
  const ended = new Uint8Array(bytes.length + 2).fill(LF);
  ended.set(bytes);
  return ended;
}

function isWhole(data: string): boolean {
  if (data.trim() === "[DONE]") return true;
  return tryParseJson(data) !== undefined;
}

/**
 * Bytes that wait for the rest of their event. Views handed out stay valid: the buffer only ever grows behind them or
 * is replaced by a larger one, twice the size each time, so that one huge event is not copied at each read.
 */
function heldBytes() {
  let buffer: Uint8Array = new Uint8Array(0);
  /** The buffer is ours to write to, not one that was handed in. */
  let owned = false;
  let start = 0;
  let end = 0;
  return {
    bytes: () => buffer.subarray(start, end),
    add(bytes: Uint8Array) {
      if (start === end) {
        buffer = bytes;
        start = 0;
        end = bytes.length;
        owned = false;
        return;
      }
      if (end + bytes.length > buffer.length || !owned) {
        const larger = new Uint8Array(Math.max((end - start + bytes.length) * 2, 4096));
        larger.set(buffer.subarray(start, end));
        end -= start;
        start = 0;
        buffer = larger;
        owned = true;
      }
      buffer.set(bytes, end);
      end += bytes.length;
    },
    drop(count: number) {
      start += count;
    },
  };
}

function tooLong(): GatewayError {
  return new GatewayError(
    "upstream_invalid_event",
    `An event of the stream has more than ${MAX_EVENT_BYTES} bytes`,
    {
      failure: "invalid",
    },
  );
}
