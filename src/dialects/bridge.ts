/**
 * From one dialect to another, for one request: what to send to a target, and how its answer is brought back. Where
 * both sides speak the same dialect nothing is translated: the client's bytes go on and the provider's come back, and
 * a decoder reads usage and failures beside them.
 */

import type { ChatEvent, ChatReply, ChatRequest, Warning } from "../chat.ts";
import { type CutShort, cutShort } from "./cut-short.ts";
import { ownFamily } from "./own-family.ts";
import { amended, GatewayError } from "../errors.ts";
import {
  allowance,
  isObject,
  type Json,
  type JsonObject,
  type Reading,
  readingJson,
  readJson,
  stringifyJson,
  tooMuch,
  tryParseJson,
} from "../json.ts";
import { editedObject } from "../json-edit.ts";
import { ANSWER_LIMITS, type Members, REQUEST_LIMITS } from "../json-scan.ts";
import type {
  Correction,
  Dialect,
  HeaderRecord,
  ReplyOptions,
  RequestHead,
  TargetModel,
  Undo,
} from "./dialect.ts";
import { editAlike, editedBody, relayedEdits } from "./relayed-request.ts";
import { restoreEvents, restoreReply } from "./restore.ts";
import { estimateBody } from "./estimate.ts";
import { splitFrames, type SseFrame, writeEvent } from "./sse.ts";
import { pipe, type Stepper } from "./stepper.ts";
import { atOnce, mayPause, type Work } from "../work.ts";
import { wellFormed } from "./well-formed.ts";

/** A client's request: read once, decoded at most once, and only if some target speaks another dialect. */
export interface ClientRequest {
  readonly dialect: Dialect;
  readonly head: RequestHead;
  /** The body as it came. */
  readonly bytes: Uint8Array;
  readonly members: Members;
  readonly value: JsonObject;
  /** How many JSON values the body has. */
  readonly values: number;
  readonly headers: HeaderRecord;
  decoding(): Work<ChatRequest>;
  /** Tokens of its input, estimated; counted at most once. */
  estimate(): number;
}

/** A request as it goes to one target, and the way back. */
export interface Prepared {
  /** JSON. */
  readonly body: string | Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  /** The provider streams its answer, though the client may want it whole. */
  readonly stream: boolean;
  readonly warnings: readonly Warning[];

  /** @throws GatewayError for a body that is no answer of the provider's */
  reply(bytes: Uint8Array): Brought;
  /** `reply` in steps. */
  replying(bytes: Uint8Array): Work<Brought>;
  /** A streamed answer for a client that wants it whole; none where bytes are relayed. */
  readonly gathered?: (reply: ChatReply) => Brought;
  /** A streamed answer, bytes in, steps out. May throw `upstream_invalid_event`. */
  steps(options: ReplyOptions): Stepper<Uint8Array, Step>;
  /** An error answer of the provider's. */
  error(status: number, text: string, headers: HeaderRecord): GatewayError;
  /** The answer that a refusal is, where it is one. */
  cutShort(error: GatewayError): CutShort | undefined;
  /** Whether the refused request may be sent once more without what was refused. */
  correct(error: GatewayError): Correction | undefined;
}

/** A whole answer: what it says, and its body for the client. */
export interface Brought {
  readonly reply: ChatReply;
  body(options: ReplyOptions): string | Uint8Array;
}

/** A piece of a stream: what goes to the client, and what it means. An error is left to the caller to render. */
export interface Step {
  readonly out: Uint8Array | string | undefined;
  readonly events: readonly ChatEvent[];
}

/**
 * Reads what routing needs of a client's request.
 * @throws GatewayError `model_missing` or `invalid_value`
 */
export function clientRequest(
  dialect: Dialect,
  body: Pick<ClientRequest, "bytes" | "members" | "value" | "values">,
  headers: HeaderRecord,
): ClientRequest {
  let chat: ChatRequest | undefined;
  let tokens: number | undefined;
  return {
    ...body,
    dialect,
    headers,
    head: dialect.readHead(body.value),
    *decoding() {
      chat ??= yield* dialect.decodingRequest(body.value, headers);
      return chat;
    },
    estimate: () => tokens ??= estimateBody(body.value),
  };
}

/**
 * Readies a request for a target.
 * @param recall puts back what the client could not carry from one turn to the next
 * @throws GatewayError `unsupported_parameter` or `invalid_value` for what the target cannot express
 */
export function prepare(
  request: ClientRequest,
  upstream: Dialect,
  target: TargetModel,
  recall: (chat: ChatRequest) => ChatRequest,
): Prepared {
  if (request.dialect === upstream) return relay(request, target);
  return atOnce(translating(request, upstream, target, recall));
}

/** `prepare` in steps: a request of megabytes takes turns with others. */
export function* preparing(
  request: ClientRequest,
  upstream: Dialect,
  target: TargetModel,
  recall: (chat: ChatRequest) => ChatRequest,
): Work<Prepared> {
  if (request.dialect === upstream) return relay(request, target);
  return yield* translating(request, upstream, target, recall);
}

/** A request of so many bytes is not counted between two others' slices, though hardly any answer lacks its usage. */
const LARGE = 1024 * 1024;

/** Same dialect on both sides: `model` changes, and what the dialect names; every other byte stays. */
function relay(request: ClientRequest, target: TargetModel): Prepared {
  const { dialect, head } = request;
  const { edits, warnings } = relayedEdits(request, target);
  const undo = { model: target.model };
  const unasked = (frame: SseFrame) => !head.includeUsage && dialect.isUnasked(frame);
  return {
    body: editedBody(request, edits),
    headers: ownFamily(request.headers, dialect),
    stream: head.stream,
    warnings,
    // What the decoder has no word for is not lost: the client gets the bytes.
    ...wholeReplies((value, bytes) => {
      const reply = dialect.decodeReply(value, undo);
      return { reply: { ...reply, warnings: [] }, body: () => bytes };
    }),
    steps: () => {
      const decode = dialect.decodeEvents(undo);
      const read = (events: readonly ChatEvent[]) =>
        events.some(isWarning) ? events.filter(isNoWarning) : events;
      return framed(
        (frame) => {
          const events = read(decode.push(frame));
          const hidden = unasked(frame) || (events.some(isError) && !dialect.isErrorFrame(frame));
          return { out: hidden ? undefined : frame.bytes, events };
        },
        () => {
          const events = read(decode.end());
          // The provider had said why the answer ends, and then broke off: all that lacks is the word for it.
          const out = events.some(isEnd) ? writeEvent(dialect.lastEvent) : undefined;
          return { out, events };
        },
      );
    },
    error: (status, text, headers) => {
      const body = tryParseJson(text);
      const error = dialect.decodeError(status, errorBody(body), headers);
      const said = error.source === "upstream" && isObject(body);
      return amended(error, { upstream: { status, headers, body: said ? text : undefined } });
    },
    cutShort: (error) => dialect.isCutShort?.(error) ? cutShort(dialect, target.model) : undefined,
    correct: (error) => {
      const taught = dialect.correct?.(error, editedObject(request.value, edits));
      if (!taught) return undefined;
      // The model asked for gets what its client wrote: only what is not its client's own may go.
      const refuses = new Set([...target.refuses, ...taught.refuses]);
      const less = relayedEdits(request, { ...target, refuses }).edits;
      return editAlike(request, edits, less) ? undefined : taught;
    },
  };
}

function isError({ type }: ChatEvent): boolean {
  return type === "error";
}

/** @param brought what an answer's value brings; large ones are parsed in steps before */
function wholeReplies(
  brought: (value: Json, bytes: Uint8Array) => Brought,
): Pick<Prepared, "reply" | "replying"> {
  return {
    reply: (bytes) => brought(parsed(bytes), bytes),
    *replying(bytes) {
      const value = yield* parsing(bytes);
      return brought(value, bytes);
    },
  };
}

function isEnd({ type }: ChatEvent): boolean {
  return type === "end";
}

function isWarning({ type }: ChatEvent): boolean {
  return type === "warning";
}

function isNoWarning(event: ChatEvent): boolean {
  return !isWarning(event);
}

function* translating(
  request: ClientRequest,
  upstream: Dialect,
  target: TargetModel,
  recall: (chat: ChatRequest) => ChatRequest,
): Work<Prepared> {
  const client = request.dialect;
  const chat = recall(yield* request.decoding());
  refuseLosses(chat, target);
  const allowed = allowance(REQUEST_LIMITS, request.values);
  const encoded = yield* upstream.encodingRequest(chat, target, allowed);
  const lost = chat.losses.filter((loss) => !loss.refuse).map((loss) => loss.code);
  if (mayPause()) yield;
  const json = stringifyJson(encoded.body);
  if (mayPause()) yield;
  // Counted here once, for what the answer is given before the provider has said it.
  if (client.estimatesInput || encoded.stream || request.bytes.length > LARGE) request.estimate();
  if (mayPause()) yield;
  return {
    body: wellFormed(json),
    headers: encoded.headers,
    stream: encoded.stream,
    warnings: [...lost, ...encoded.warnings],
    ...wayBack(client, upstream, encoded.undo, chat.legacyFunctions),
    cutShort: (error) => upstream.isCutShort?.(error) ? cutShort(client, target.model) : undefined,
    correct: (error) => upstream.correct?.(error, encoded.body),
  };
}

/** What brings an answer back. It keeps nothing else of the request: a stream may run for an hour. */
function wayBack(
  client: Dialect,
  upstream: Dialect,
  undo: Undo,
  legacyFunctions: boolean,
): Pick<Prepared, "reply" | "replying" | "gathered" | "steps" | "error"> {
  const shaped = (reply: ChatReply): Brought => ({
    reply: { ...reply, warnings: [...reply.warnings, ...client.lostInReply?.(reply) ?? []] },
    body: (options) => stringifyJson(client.encodeReply(reply, { ...options, legacyFunctions })),
  });
  return {
    ...wholeReplies((value) => {
      const reply = upstream.decodeReply(value, undo);
      return shaped(undo.members ? restoreReply(reply, undo.members) : reply);
    }),
    gathered: shaped,
    steps: (options) => {
      const read = upstream.decodeEvents(undo);
      const decode = undo.members ? pipe(read, restoreEvents(undo.members)) : read;
      const encode = client.encodeEvents({ ...options, legacyFunctions });
      const written = (events: readonly ChatEvent[], final: boolean) => {
        let text = "";
        let failed = false;
        for (const event of events) {
          if (event.type === "error") failed = true;
          else for (const one of encode.push(event)) text += writeEvent(one);
        }
        if (final && !failed) { for (const one of encode.end()) text += writeEvent(one); }
        return text;
      };
      const lost = client.lostInStream?.();
      const step = (events: readonly ChatEvent[], final: boolean): Step => ({
        out: written(events, final),
        events: lost ? events.flatMap((event) => [...lost(event).map(warningEvent), event]) : events,
      });
      return framed((frame) => step(decode.push(frame), false), () => step(decode.end(), true));
    },
    error: (status, text, headers) =>
      amended(upstream.decodeError(status, errorBody(tryParseJson(text)), headers), {
        upstream: { status, headers },
      }),
  };
}

function warningEvent(warning: Warning): ChatEvent {
  return { type: "warning", warning };
}

/** Bytes to steps, a step for each frame and one for the stream's end. */
function framed(each: (frame: SseFrame) => Step, last: () => Step): Stepper<Uint8Array, Step> {
  const split = splitFrames();
  return {
    push: (bytes) => split.push(bytes).map(each),
    end: () => [...split.end().map(each), last()],
  };
}

/** What the vocabulary has no word for and cannot be left out is refused before anything is sent. */
function refuseLosses(chat: ChatRequest, target: TargetModel): void {
  for (const loss of chat.losses) {
    if (!loss.refuse) continue;
    if (loss.code === "unpaired_tool_calls") {
      if (target.options.repair) continue;
      throw new GatewayError("invalid_value", loss.message, { param: loss.field });
    }
    const code = loss.code === "invalid_value" ? "invalid_value" : "unsupported_parameter";
    throw new GatewayError(code, loss.message, { param: loss.field });
  }
}

/** The JSON of a provider's whole answer. */
export function parsed(bytes: Uint8Array): Json {
  const text = decoder.decode(bytes);
  return valueOf(readJson(text, ANSWER_LIMITS), text);
}

/** `parsed` in steps. */
function* parsing(bytes: Uint8Array): Work<Json> {
  const text = decoder.decode(bytes);
  const reading = yield* readingJson(text, ANSWER_LIMITS);
  if (mayPause()) yield;
  return valueOf(reading, text);
}

function valueOf(reading: Reading, text: string): Json {
  switch (reading.kind) {
    case "read":
      return reading.value;
    case "too-much":
      throw invalidAnswer(`has ${tooMuch(reading.excess)}`, "too-complex");
    case "no-json":
      throw invalidAnswer("is not JSON", text.trim() === "" ? "empty" : "not-json");
  }
}

function invalidAnswer(what: string, detail: string): GatewayError {
  return new GatewayError("upstream_invalid_response", `The provider's answer ${what}`, {
    failure: "invalid",
    detail,
  });
}

const decoder = new TextDecoder();

/** Only an object or an array can be a provider's error; anything else is somebody else's text. */
function errorBody(body: Json | undefined): Json | undefined {
  return typeof body === "object" && body !== null ? body : undefined;
}
