/**
 * A dialect is a wire format: one object that reads and writes requests, replies, streams and errors. The client's
 * side and the provider's side use the same objects. Pure, both ways: no clock, no chance, no network.
 */

import type { ChatEvent, ChatReply, ChatRequest, Warning } from "../chat.ts";
import type { GatewayError } from "../errors.ts";
import type { Allowance, Json, JsonObject } from "../json.ts";
import type { Restored } from "./restore.ts";
import type { Edit } from "../json-edit.ts";
import type { SseEvent, SseFrame } from "./sse.ts";
import type { Stepper } from "./stepper.ts";
import type { Work } from "../work.ts";

/** Headers by lower-case name. */
export type HeaderRecord = Readonly<Record<string, string | undefined>>;

/** What must be known of a request before it is decided where it goes; read without decoding the rest. */
export interface RequestHead {
  readonly model: string;
  readonly stream: boolean;
  /** The client wants a usage figure in its stream. */
  readonly includeUsage: boolean;
}

/** The model that a request is encoded for. */
export interface TargetModel {
  /** As the provider names it. */
  readonly model: string;
  /** Replaces the known most output tokens of the model, and the default of what to ask for. */
  readonly maxOutputTokens?: number;
  readonly options: TargetOptions;
  /** What the model was found to refuse, whatever its table says: names that `correct` gave. */
  readonly refuses: ReadonlySet<string>;
  /** It stands in for the model that the client asked for and wrote its request for. */
  readonly standsIn?: boolean;
}

/** What a relayed request changes beside `model`, each at its place, and what is lost by that. */
export interface RelayEdits {
  readonly edits: readonly Edit[];
  readonly warnings: readonly Warning[];
}

/** How the operator wants translation to go where there is a choice; all off or absent by default. */
export interface TargetOptions {
  /** Unpaired tool calls and results in a history are repaired, not refused. */
  readonly repair?: boolean;
  /** The request as a whole gets a cache mark, so that the provider caches what it can. */
  readonly autoCache?: boolean;
  /** Earlier thinking goes back to the provider as `reasoning_content`. */
  readonly reasoningEcho?: boolean;
}

/** A request ready to send, and what reading its reply takes. */
export interface EncodedRequest {
  readonly body: JsonObject;
  /** The provider streams the answer: as the client asked, or because it is long. */
  readonly stream: boolean;
  /** Headers that belong to this body, such as `anthropic-beta`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly warnings: readonly Warning[];
  readonly undo: Undo;
}

/** What the encoding of a request changed and the decoding of its reply must change back. */
export interface Undo {
  /** Tool names that were rewritten: as sent → as the client wrote it. */
  readonly toolNames?: ReadonlyMap<string, string>;
  /** Custom tools that were sent as functions with one `input`. */
  readonly customTools?: ReadonlySet<string>;
  /** The tool that stands for a structured answer: its input is the answer's text. */
  readonly jsonTool?: string;
  /** A fence around the whole answer goes if what it holds is JSON. */
  readonly stripFence?: boolean;
  /** What the provider attaches to its message is gathered, for the next turn. */
  readonly gather?: boolean;
  /** Members of arguments and of a structured answer that were renamed or added. */
  readonly members?: Restored;
  /** The model that was sent, for answers that do not name theirs. */
  readonly model: string;
}

/** How the client wants its reply. */
export interface ReplyOptions {
  /** Unique; where the provider gave no id, the reply's id is made of it. */
  readonly requestId: string;
  /** When the answer came: whole seconds since 1970. */
  readonly created: number;
  readonly includeUsage: boolean;
  readonly legacyFunctions: boolean;
  /**
   * Tokens that the request was estimated to have: shown until the provider's figure is known, never accounted; 0 where
   * the dialect shows none.
   */
  readonly estimatedInput: number;
}

/** An error as its dialect says it over HTTP. */
export interface EncodedError {
  readonly status: number;
  readonly body: JsonObject;
}

/** A request that was refused and may be sent once more without what its refusal named. */
export interface Correction {
  /** What the model refuses, for `TargetModel.refuses` (`lessons.ts`). */
  readonly refuses: readonly string[];
  /** The fault is this request's, not the model's: not to be remembered for others. */
  readonly once?: boolean;
}

export interface Dialect {
  readonly name: string;
  /** Where requests go, below the base URL, which ends in the API's version. */
  readonly path: string;
  /** The headers that carry a credential, and those that every request has. */
  headers(secret: string | undefined): Readonly<Record<string, string>>;
  /** True for header names (lower case) of the dialect's own family: relayed as they are, both ways. */
  ownHeader(name: string): boolean;
  /** The header in which the provider names the request. */
  readonly requestIdHeader: string;

  /**
   * Reads what routing needs.
   * @throws GatewayError `model_missing`, or `invalid_value` for a `model`, `messages` or `stream` of another type
   */
  readHead(body: JsonObject): RequestHead;
  /**
   * What has to change in a request of this dialect that is relayed: the usage asked for, and what only this proxy or
   * another maker can have put into its history and the target cannot read. For a target that stands in for the model
   * asked for, also what that target is known to refuse. Nothing else: the rest is the client's affair.
   */
  relayEdits(body: JsonObject, target: TargetModel): RelayEdits;
  /** True for a frame that the client did not ask for and does not get, though the provider was asked for it. */
  isUnasked(frame: SseFrame): boolean;
  /** Whether the API's own libraries take a frame for an error: any other, relayed as it is, would look like a plain end. */
  isErrorFrame(frame: SseFrame): boolean;

  /** @throws GatewayError `invalid_value` with the path of the field */
  decodeRequest(body: JsonObject, headers: HeaderRecord): ChatRequest;
  /** `decodeRequest` in steps, as `encodingRequest` is of `encodeRequest`: a body of megabytes takes turns with others. */
  decodingRequest(body: JsonObject, headers: HeaderRecord): Work<ChatRequest>;
  /**
   * @param json what may be read of JSON inside of the request's strings
   * @throws GatewayError `unsupported_parameter` or `invalid_value` for what the target cannot express
   */
  encodeRequest(chat: ChatRequest, target: TargetModel, json?: Allowance): EncodedRequest;
  encodingRequest(chat: ChatRequest, target: TargetModel, json?: Allowance): Work<EncodedRequest>;

  /** @throws GatewayError `upstream_invalid_response` for a body that is no answer; the error that it carries, if it is one */
  decodeReply(body: Json, undo: Undo): ChatReply;
  encodeReply(reply: ChatReply, options: ReplyOptions): JsonObject;
  /** What of a reply the dialect has no place for or says otherwise, as codes of warnings. */
  lostInReply?(reply: ChatReply): readonly Warning[];
  /** The same for a stream, event by event. */
  lostInStream?(): (event: ChatEvent) => readonly Warning[];

  /** Events of a stream; a stream that breaks off gives an `error` event at its end. Never throws. */
  decodeEvents(undo: Undo): Stepper<SseFrame, ChatEvent>;
  encodeEvents(options: ReplyOptions): Stepper<ChatEvent, SseEvent>;
  /** What keeps a silent stream alive. */
  readonly keepAlive: SseEvent;
  /** Its clients are shown an estimate of their input before the provider has counted it. */
  readonly estimatesInput?: true;
  /** What a stream ends with that is complete. */
  readonly lastEvent: SseEvent;

  /** An upstream's error answer; a body that is not the provider's JSON (undefined) becomes an error of ours. */
  decodeError(
    status: number,
    body: Json | undefined,
    headers: HeaderRecord,
  ): GatewayError;
  encodeError(error: GatewayError, requestId: string): EncodedError;
  /** An error as the last event of a stream. */
  encodeErrorEvent(error: GatewayError, requestId: string): SseEvent;
  /** Whether a refusal is an answer in truth: the model reached the request's limit before its first word. */
  isCutShort?(error: GatewayError): boolean;
  /** Whether a refused request may be sent once more, corrected. */
  correct?(error: GatewayError, body: JsonObject): Correction | undefined;

  /** Rate-limit and retry headers of an answer, as this dialect's clients read them, from those of another dialect. */
  readonly limitHeaders: LimitHeaders;
  /** Where the provider counts a request's tokens, below the base URL, and a local estimate in the same shape. */
  readonly countTokens?: {
    readonly path: string;
    estimate(body: JsonObject, headers: HeaderRecord): JsonObject;
    /**
     * Makes sure that a provider's answer is a count.
     * @throws GatewayError the error that it is, or `upstream_invalid_response`
     */
    check(answer: Json): void;
  };
}

/** Rate limits in neutral words: `requests` and `tokens`, each with its limit, what is left, and seconds to its reset. */
export interface RateLimits {
  readonly requests?: RateLimit;
  readonly tokens?: RateLimit;
}

export interface RateLimit {
  readonly limit?: number;
  readonly remaining?: number;
  /** Seconds from now. */
  readonly reset?: number;
}

export interface LimitHeaders {
  /** @param now milliseconds since 1970, for limits that name a time of day */
  read(headers: HeaderRecord, now: number): RateLimits;
  write(limits: RateLimits): Readonly<Record<string, string>>;
}
