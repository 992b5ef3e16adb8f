/** Requests in the neutral vocabulary, as far as each dialect has words for them. */

import fc from "fast-check";
import type { ChatRequest, Message, Part, Tool, ToolChoice } from "../../src/chat.ts";

export type Arbitrary<Value> = fc.Arbitrary<Value>;

/** How far a dialect goes. */
export interface Words {
  /** Texts of one turn stay apart. */
  readonly separateTexts: boolean;
  /** Signed thinking in the history. */
  readonly thinking: boolean;
  /** Tools whose input is free text. */
  readonly customTools: boolean;
  /** A result may have failed, and may hold pictures. */
  readonly richResults: boolean;
  /** Later instructions keep their place. */
  readonly lateSystem: boolean;
  readonly settings: Arbitrary<Partial<ChatRequest>>;
}

// --- small things ---

/** Text with all kinds of characters, never blank, never with white space at its end. */
export const text = fc.oneof(
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }),
  fc.constantFrom(
    "Hello",
    "Grüße 👋",
    "日本語",
    'a "quoted" \\ text',
    "data: [DONE]",
    "line\nline",
    "\u2028x",
  ),
).map((value) => `${value.trimEnd()}.`);
export const id = fc.stringMatching(/^[a-z]{1,8}_[A-Za-z0-9]{4,12}$/);
export const name = fc.stringMatching(/^[a-z][a-z_]{2,12}$/);

/** Texts of numbers that must arrive as they are, digit for digit. */
const number = fc.oneof(
  fc.integer().map(String),
  fc.constantFrom("9007199254740993", "-123456789012345678901234567890", "0.1000000000000000055", "1.5"),
);
// Names of digits alone are left out: JavaScript puts them before the others.
const key = fc.oneof(name, fc.constantFrom("__proto__", "constructor", "toString", "a b", "ü"));

export const { object: jsonObject } = fc.letrec<{ value: string; object: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2 },
    number,
    text.map((value) => JSON.stringify(value)),
    fc.constantFrom("true", "null", "[]", "{}", "[1,2]"),
    tie("object"),
  ),
  object: fc.uniqueArray(fc.tuple(key, tie("value")), { maxLength: 4, selector: ([member]) => member })
    .map((pairs) => `{${pairs.map(([member, value]) => `${JSON.stringify(member)}:${value}`).join(",")}}`),
}));

const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

const image: Arbitrary<Part> = fc.constantFrom<Part>(
  { type: "image", source: { type: "base64", mediaType: "image/png", data: PNG } },
  { type: "image", source: { type: "url", url: "https://example.com/a.webp" } },
);

// --- requests ---

const SCHEMA = { type: "object", properties: { city: { type: "string" } }, required: ["city"] } as const;

function toolsOf(words: Words): Arbitrary<Tool[]> {
  const tool = fc.record({ name, described: fc.boolean(), custom: fc.boolean() }).map(
    ({ name, described, custom }): Tool => ({
      kind: custom && words.customTools ? "custom" : "function",
      name,
      ...(described && { description: `Does ${name}` }),
      ...(!(custom && words.customTools) && { parameters: SCHEMA }),
    }),
  );
  return fc.uniqueArray(tool, { minLength: 1, maxLength: 3, selector: (each) => each.name });
}

/** One exchange: what the user says, tool calls and their results any number of times, and the answer. */
function exchange(words: Words, tools: readonly Tool[]): Arbitrary<Message[]> {
  const said = fc.array(fc.oneof(text.map((value): Part => ({ type: "text", text: value })), image), {
    minLength: 1,
    maxLength: words.separateTexts ? 3 : 1,
  });
  const answer = fc.array(text.map((value): Part => ({ type: "text", text: value })), {
    minLength: 1,
    maxLength: words.separateTexts ? 2 : 1,
  });
  const loops = tools.length === 0 ? fc.constant([]) : fc.array(toolLoop(words, tools), { maxLength: 2 });
  return fc.tuple(said, loops, thoughts(words), answer).map(([content, turns, thinking, last]) => [
    { role: "user", content },
    ...turns.flat(),
    { role: "assistant", content: [...thinking, ...last] },
  ]);
}

function thoughts(words: Words): Arbitrary<Part[]> {
  if (!words.thinking) return fc.constant([]);
  return fc.array(
    fc.oneof(
      fc.tuple(text, id).map(([thought, signature]): Part => ({
        type: "thinking",
        text: thought,
        signature,
      })),
      id.map((data): Part => ({ type: "redacted-thinking", data })),
    ),
    { maxLength: 2 },
  );
}

function toolLoop(words: Words, tools: readonly Tool[]): Arbitrary<Message[]> {
  const result = fc.record({ said: fc.option(text), shown: fc.boolean(), failed: fc.boolean() });
  const call = fc.tuple(id, fc.constantFrom(...tools), jsonObject, result);
  const calls = fc.uniqueArray(call, { minLength: 1, maxLength: 3, selector: ([callId]) => callId });
  const more = fc.option(text, { freq: 2 });
  return fc.tuple(thoughts(words), fc.option(text), calls, more).map((
    [thinking, said, all, added],
  ): Message[] => [
    {
      role: "assistant",
      content: [
        ...thinking,
        ...(said === null ? [] : [{ type: "text", text: said } as const]),
        ...all.map(([callId, { name, kind }, input]): Part => ({
          type: "tool-call",
          id: callId,
          name,
          input,
          kind,
        })),
      ],
    },
    {
      role: "user",
      content: all.map(([callId, , , { said, shown, failed }]): Part => ({
        type: "tool-result",
        id: callId,
        content: [
          ...(said === null ? [] : [{ type: "text", text: said } as const]),
          ...(shown && words.richResults ? [IMAGE_SHOWN] : []),
        ],
        failed: failed && words.richResults,
      })).concat(added === null ? [] : [{ type: "text", text: added }]),
    },
  ]);
}

const IMAGE_SHOWN = {
  type: "image",
  source: { type: "base64", mediaType: "image/png", data: PNG },
} as const;

/** Whole conversations: instructions, exchanges, and a last word of the user's. Ids of calls are never used twice. */
export function conversationOf(words: Words, tools: readonly Tool[]): Arbitrary<Message[]> {
  const late: Arbitrary<Message[]> = words.lateSystem
    ? fc.option(text, { nil: undefined }).map((value) => value === undefined ? [] : [system([value])])
    : fc.constant([]);
  const instructions = fc.array(text, { maxLength: words.separateTexts ? 2 : 1 });
  const exchanges = fc.array(fc.tuple(exchange(words, tools), late), { maxLength: 3 });
  return fc.tuple(instructions, exchanges, text).map(([first, middle, last]) =>
    withOwnIds([
      ...(first.length > 0 ? [system(first)] : []),
      ...middle.flatMap(([[opening, ...rest], note]) => [...(opening ? [opening] : []), ...note, ...rest]),
      { role: "user", content: [{ type: "text", text: last }] },
    ])
  );
}

function system(texts: readonly string[]): Message {
  return { role: "system", content: texts.map((value) => ({ type: "text", text: value })) };
}

function withOwnIds(messages: readonly Message[]): Message[] {
  return messages.map(({ role, content }, at) => ({
    role,
    content: content.map((part) => {
      if (part.type === "tool-call") return { ...part, id: `${part.id}_${at}` };
      return part.type === "tool-result" ? { ...part, id: `${part.id}_${at - 1}` } : part;
    }),
  }));
}

function choiceOf(tools: readonly Tool[]): Arbitrary<Pick<ChatRequest, "toolChoice" | "parallelToolCalls">> {
  const named = fc.constantFrom(...tools).map(({ name }): ToolChoice => ({ type: "tool", name }));
  const choice = fc.oneof(
    fc.constantFrom<ToolChoice>({ type: "auto" }, { type: "required" }),
    named,
  );
  return fc.oneof(
    fc.constant({}),
    fc.constant({ toolChoice: { type: "none" } as const }),
    choice.map((toolChoice) => ({ toolChoice })),
    choice.map((toolChoice) => ({ toolChoice, parallelToolCalls: false })),
  );
}

/** Requests that a dialect can say, for the named model. */
export function requestOf(words: Words, model: string): Arbitrary<ChatRequest> {
  return fc.oneof(fc.constant<Tool[]>([]), toolsOf(words)).chain((tools) =>
    fc.record({
      messages: conversationOf(words, tools),
      choice: tools.length > 0 ? choiceOf(tools) : fc.constant({}),
      settings: words.settings,
    }).map(({ messages, choice, settings }) => ({
      model,
      messages,
      tools,
      stream: false,
      includeUsage: false,
      legacyFunctions: false,
      losses: [],
      ...choice,
      ...settings,
    }))
  );
}

/** Each of the members may be there or not. */
export function some<Value>(
  model: { [Key in keyof Value]: Arbitrary<Value[Key]> },
): Arbitrary<Partial<Value>> {
  return fc.record(model, { requiredKeys: [] }) as Arbitrary<Partial<Value>>;
}
