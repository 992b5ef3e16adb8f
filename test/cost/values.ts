/** What shapes are made of, and what a shape is. */

/** The dialects by the letter that the tables have room for. */
export type Side = "O" | "A";

/** A request's body: from a client of one dialect to a provider of another, or of the same. */
export interface RequestShape {
  readonly name: string;
  readonly from: Side;
  readonly to: Side;
  readonly body: (n: number) => string;
}

/** What a provider answers, whole or as a stream; it is brought to clients of both dialects. */
export interface AnswerShape {
  readonly name: string;
  readonly from: Side;
  readonly body: (n: number) => string;
}

export type Value = Readonly<Record<string, unknown>>;
export const json = JSON.stringify;

export function many<Item>(count: number, item: (at: number) => Item): Item[] {
  return Array.from({ length: Math.max(1, Math.floor(count)) }, (_, at) => item(at));
}

export function record(count: number, entry: (at: number) => readonly [string, unknown]): Value {
  return Object.fromEntries(many(count, entry));
}

export const hello = { role: "user", content: "hi" };

/** A chat request with more members, or with other ones. */
export function chat(more: Value): string {
  return json({ model: "m", messages: [hello], ...more });
}

/** A Messages request, likewise. */
export function messages(more: Value): string {
  return json({ model: "m", max_tokens: 10, messages: [hello], ...more });
}

export function call(id: string, input = "{}", name = "f"): Value {
  return { id, type: "function", function: { name, arguments: input } };
}

export function calling(...calls: readonly Value[]): Value {
  return { role: "assistant", content: null, tool_calls: calls };
}

export function answering(id: string): Value {
  return { role: "tool", tool_call_id: id, content: "r" };
}

export function use(id: string, input: unknown = {}): Value {
  return { type: "tool_use", id, name: "f", input };
}

export function resultOf(id: string): Value {
  return { type: "tool_result", tool_use_id: id, content: "r" };
}

/** One turn of the tool loop whose call has these arguments. */
export function withArguments(input: string): string {
  return chat({ messages: [hello, calling(call("c", input)), answering("c")] });
}

export function functionTool(parameters: unknown, more: Value = {}): Value {
  return { type: "function", function: { name: "f", parameters, ...more } };
}

export function closed(properties: Value, more: Value = {}): Value {
  return {
    type: "object",
    additionalProperties: false,
    properties,
    required: Object.keys(properties),
    ...more,
  };
}

export function answerFormat(schema: unknown): string {
  return chat({
    response_format: { type: "json_schema", json_schema: { name: "s", strict: true, schema } },
  });
}

export function manyObjects(count: number, schema: (at: number) => Value): Value {
  // No object may have more than so many keys: further ones go into further objects.
  const groups = Math.ceil(count / GROUP);
  return record(groups, (group) => [
    `g${group}`,
    closed(record(Math.min(GROUP, count - group * GROUP), (at) => [`p${at}`, schema(group * GROUP + at)])),
  ]);
}

export const GROUP = 5000;

/** Definitions that refer to the next one each, in as many objects as they take. */
export function chainOfReferences(n: number): Value {
  const place = (at: number) => `#/$defs/g${Math.floor(at / GROUP)}/$defs/d${at}`;
  const groups = record(Math.ceil(n / GROUP), (group) => [`g${group}`, {
    type: "string",
    $defs: record(Math.min(GROUP, n - group * GROUP), (at) => {
      const own = group * GROUP + at;
      return [`d${own}`, own + 1 < n ? closed({ a: { $ref: place(own + 1) } }) : { type: "string" }];
    }),
  }]);
  return closed({ a: { $ref: place(0) } }, { $defs: groups });
}

export const PNG = "data:image/png;base64,iVBORw0KGgo=";

export function oToA(name: string, body: (n: number) => string): RequestShape {
  return { name, from: "O", to: "A", body };
}
export function aToO(name: string, body: (n: number) => string): RequestShape {
  return { name, from: "A", to: "O", body };
}
export function relayed(name: string, body: (n: number) => string): RequestShape {
  return { name, from: "O", to: "O", body };
}

export function completion(message: Value, more: Value = {}, finish = "stop"): string {
  return json({
    id: "x",
    object: "chat.completion",
    created: 1,
    model: "m",
    choices: [{ index: 0, message: { role: "assistant", content: "hi", ...message }, finish_reason: finish }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
    ...more,
  });
}

export function message(content: unknown, more: Value = {}): string {
  return json({
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "m",
    content,
    stop_reason: "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 1, output_tokens: 1 },
    ...more,
  });
}

export function ofO(name: string, body: (n: number) => string): AnswerShape {
  return { name, from: "O", body };
}
export function ofA(name: string, body: (n: number) => string): AnswerShape {
  return { name, from: "A", body };
}

export function logprob(at: number): Value {
  return {
    token: `t${at}`,
    logprob: -Math.abs(Math.sin(at)),
    bytes: [116, 48],
    top_logprobs: [{ token: "a", logprob: -Math.abs(Math.cos(at)), bytes: [97] }],
  };
}
