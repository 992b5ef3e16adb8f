/** What a client of the Chat API can make long, on the way to a provider of the Messages API. */

import { agentBody } from "../bench/bodies.ts";
import {
  answerFormat,
  answering,
  call,
  calling,
  chainOfReferences,
  chat,
  closed,
  functionTool,
  hello,
  json,
  many,
  manyObjects,
  oToA,
  PNG,
  record,
  type RequestShape,
  type Value,
  withArguments,
} from "./values.ts";

export const CHAT_REQUESTS: readonly RequestShape[] = [
  oToA("an agent's tools", agentBody),
  oToA("one long text", (n) => chat({ messages: [{ role: "user", content: "word ".repeat(n) }] })),
  oToA(
    "one long text in Chinese",
    (n) => chat({ messages: [{ role: "user", content: "敏捷的狐狸".repeat(n) }] }),
  ),
  oToA(
    "turns",
    (n) => chat({ messages: many(n, (i) => ({ role: i % 2 ? "assistant" : "user", content: `m${i}` })) }),
  ),
  oToA(
    "messages of one role",
    (n) => chat({ messages: many(n, (i) => ({ role: "user", content: `m${i}` })) }),
  ),
  oToA(
    "late system messages",
    (n) => chat({ messages: [hello, ...many(n, (i) => ({ role: "system", content: `m${i}` }))] }),
  ),
  oToA(
    "system messages between calls and results",
    (n) =>
      chat({
        messages: [
          hello,
          calling(call("c")),
          ...many(n, (i) => ({ role: "system", content: `m${i}` })),
          answering("c"),
        ],
      }),
  ),
  oToA(
    "named messages",
    (n) => chat({ messages: many(n, (i) => ({ role: "user", content: `m${i}`, name: `n${i}` })) }),
  ),
  oToA(
    "parts of one message",
    (n) => chat({ messages: [{ role: "user", content: many(n, (i) => ({ type: "text", text: `m${i}` })) }] }),
  ),
  oToA("cache marks", (n) =>
    chat({
      messages: [{
        role: "user",
        content: many(n, (i) => ({ type: "text", text: `m${i}`, cache_control: { type: "ephemeral" } })),
      }],
    })),
  oToA("images by address", (n) =>
    chat({
      messages: [{
        role: "user",
        content: many(n, (i) => ({ type: "image_url", image_url: { url: `https://e.x/${i}` } })),
      }],
    })),
  oToA(
    "images as data",
    (n) =>
      chat({
        messages: [{
          role: "user",
          content: many(n, () => ({ type: "image_url", image_url: { url: PNG } })),
        }],
      }),
  ),
  oToA("images in tool results", (n) =>
    chat({
      messages: [hello, calling(call("c")), {
        role: "tool",
        tool_call_id: "c",
        content: many(n, () => ({ type: "image_url", image_url: { url: PNG } })),
      }],
    })),
  oToA("one large image", (n) =>
    chat({
      messages: [{
        role: "user",
        content: [{
          type: "image_url",
          image_url: { url: `data:image/png;base64,iVBORw0KGgo${"AAAA".repeat(n)}` },
        }],
      }],
    })),
  oToA("one large text file", (n) =>
    chat({
      messages: [{
        role: "user",
        content: [{
          type: "file",
          file: { filename: "a.txt", file_data: `data:text/plain;base64,${"YWFh".repeat(n)}` },
        }],
      }],
    })),
  oToA("a percent-encoded file", (n) =>
    chat({
      messages: [{
        role: "user",
        content: [{
          type: "file",
          file: { filename: "a.txt", file_data: `data:text/plain,${"%61".repeat(n)}` },
        }],
      }],
    })),
  oToA("base64 with line ends", (n) =>
    chat({
      messages: [{
        role: "user",
        content: [{
          type: "image_url",
          image_url: { url: `data:image/png;base64,iVBORw0KGgoA${"AAA\nA".repeat(n)}` },
        }],
      }],
    })),
  oToA("parameters of a data URL", (n) =>
    chat({
      messages: [{
        role: "user",
        content: [{
          type: "image_url",
          image_url: { url: `data:image/png${";a".repeat(n)};base64,iVBORw0KGgo=` },
        }],
      }],
    })),
  oToA("an address of dots", (n) =>
    chat({
      messages: [{
        role: "user",
        content: [{ type: "image_url", image_url: { url: `https://e/${".a".repeat(n)}` } }],
      }],
    })),
  oToA("a file name of dots", (n) =>
    chat({
      messages: [{
        role: "user",
        content: [{
          type: "file",
          file: { filename: ".".repeat(n), file_data: "data:application/pdf;base64,JVBERi0=" },
        }],
      }],
    })),
  oToA("thoughts with details", (n) =>
    chat({
      messages: [hello, {
        role: "assistant",
        content: "y",
        reasoning_details: many(n, (i) => ({ type: "reasoning.text", text: `t${i}`, signature: "s" })),
      }, hello],
    })),
  oToA("thinking blocks", (n) =>
    chat({
      messages: [hello, {
        role: "assistant",
        content: "y",
        thinking_blocks: many(n, (i) => ({ type: "thinking", thinking: `t${i}`, signature: "s" })),
      }, hello],
    })),
  oToA("foreign thoughts", (n) =>
    chat({
      messages: [hello, {
        role: "assistant",
        content: "y",
        reasoning_details: many(n, (i) => ({ type: "reasoning.encrypted", data: `t${i}`, format: "other" })),
      }, hello],
    })),

  oToA(
    "tool turns",
    (n) =>
      chat({ messages: [hello, ...many(n, (i) => [calling(call(`c${i}`)), answering(`c${i}`)]).flat()] }),
  ),
  oToA(
    "tool turns of one id",
    (n) => chat({ messages: [hello, ...many(n, () => [calling(call("c")), answering("c")]).flat()] }),
  ),
  oToA("tool turns of one id, its numbered names taken", (n) =>
    chat({
      messages: [
        hello,
        ...many(n / 2, (i) => [calling(call(`c_${i + 2}`)), answering(`c_${i + 2}`)]).flat(),
        ...many(n / 2, () => [calling(call("c")), answering("c")]).flat(),
      ],
    })),
  oToA(
    "tool turns of ids that the API refuses",
    (n) =>
      chat({ messages: [hello, ...many(n, (i) => [calling(call(`c:${i}`)), answering(`c:${i}`)]).flat()] }),
  ),
  oToA(
    "one long id that the API refuses",
    (n) => chat({ messages: [hello, calling(call(":".repeat(n))), answering(":".repeat(n))] }),
  ),
  oToA(
    "results in order",
    (n) =>
      chat({
        messages: [hello, calling(...many(n, (i) => call(`c${i}`))), ...many(n, (i) => answering(`c${i}`))],
      }),
  ),
  oToA("results reversed", (n) =>
    chat({
      messages: [
        hello,
        calling(...many(n, (i) => call(`c${i}`))),
        ...many(n, (i) => answering(`c${n - 1 - i}`)),
      ],
    })),
  oToA("results shuffled", (n) =>
    chat({
      messages: [
        hello,
        calling(...many(n, (i) => call(`c${i}`))),
        ...many(n, (i) => i).toSorted((a, b) => (a * 7919) % n - (b * 7919) % n).map((i) =>
          answering(`c${i}`)
        ),
      ],
    })),
  oToA(
    "calls of one id in one turn",
    (n) =>
      chat({ messages: [hello, calling(...many(n, () => call("c"))), ...many(n, () => answering("c"))] }),
  ),
  oToA(
    "results that answer nothing",
    (n) => chat({ messages: [hello, ...many(n, (i) => answering(`c${i}`))] }),
  ),
  oToA(
    "calls without results",
    (n) => chat({ messages: [hello, calling(...many(n, (i) => call(`c${i}`))), hello] }),
  ),
  oToA("functions of the older shape", (n) =>
    chat({
      messages: [
        hello,
        ...many(n, (i) => [
          { role: "assistant", content: null, function_call: { name: `f${i % 10}`, arguments: "{}" } },
          { role: "function", name: `f${i % 10}`, content: "r" },
        ]).flat(),
      ],
    })),

  oToA("arguments: a list of numbers", (n) => withArguments(json({ a: many(n, (i) => i) }))),
  oToA("arguments: a list of objects", (n) => withArguments(`{"a":[${"{},".repeat(n)}{}]}`)),
  oToA(
    "arguments: one object of many keys",
    (n) => withArguments(`{${many(n, (i) => `"k${i}":1`).join(",")}}`),
  ),
  oToA("arguments: a long number", (n) => withArguments(`{"a":1.${"0".repeat(n)}1}`)),
  oToA("arguments: a long whole number", (n) => withArguments(`{"a":1${"0".repeat(n)}1}`)),
  oToA(
    "arguments: numbers of 900 digits",
    (n) => withArguments(`{"a":[${many(n, () => `1.${"0".repeat(900)}1`).join(",")}]}`),
  ),
  oToA("arguments: floats of 17 digits", (n) => withArguments(`[${many(n, (i) => Math.sin(i)).join(",")}]`)),
  oToA("arguments: deep", (n) => withArguments("[".repeat(n) + "]".repeat(n))),
  oToA("arguments: many deep ones", (n) =>
    chat({
      messages: [
        hello,
        ...many(
          n,
          (i) => [calling(call(`c${i}`, `{"a":${"[".repeat(50)}${"]".repeat(50)}}`)), answering(`c${i}`)],
        )
          .flat(),
      ],
    })),
  oToA("arguments: a long string", (n) => withArguments(json({ a: "x".repeat(n) }))),
  oToA("arguments: escapes", (n) => withArguments(json({ a: '\\"'.repeat(n) }))),
  oToA("arguments: broken", (n) => withArguments(`{"a":[${"1,".repeat(n)}`)),
  oToA("arguments of many calls", (n) =>
    chat({
      messages: [
        hello,
        calling(...many(n, (i) => call(`c${i}`, json({ path: `/tmp/${i}`, list: [1, 2, 3] })))),
        ...many(n, (i) => answering(`c${i}`)),
      ],
    })),

  oToA(
    "tools of nothing but a name",
    (n) => chat({ tools: many(n, (i) => ({ type: "function", function: { name: `f${i}` } })) }),
  ),
  oToA("allowed tools", (n) =>
    chat({
      tools: many(n, (i) => ({ type: "function", function: { name: `f${i}` } })),
      tool_choice: {
        type: "allowed_tools",
        allowed_tools: {
          mode: "auto",
          tools: many(n, (i) => ({ type: "function", function: { name: `f${n - 1 - i}` } })),
        },
      },
    })),
  oToA(
    "custom tools",
    (n) => chat({ tools: many(n, (i) => ({ type: "custom", custom: { name: `f${i}` } })) }),
  ),
  oToA("a strict tool's properties and other names required", (n) =>
    chat({
      tools: [functionTool(
        closed(manyObjects(n, () => ({ type: "string" })), { required: many(n, (i) => `q${i}`) }),
        { strict: true },
      )],
    })),
  oToA("a strict tool's properties, required in reverse", (n) => {
    const names = many(Math.min(n, 9000), (i) => `p${i}`);
    return chat({
      tools: [functionTool(
        closed(Object.fromEntries(names.map((name) => [name, { type: "string" }])), {
          required: names.toReversed(),
        }),
        { strict: true },
      )],
      x: "y".repeat(n),
    });
  }),
  oToA("a tool of two branches with many required names", (n) =>
    chat({
      tools: [functionTool({
        type: "object",
        anyOf: [
          { type: "object", properties: {}, required: many(n, (i) => `p${i}`) },
          { type: "object", properties: {}, required: many(n, (i) => `q${i}`) },
        ],
      })],
    })),
  oToA("a tool of many branches", (n) =>
    chat({
      tools: [functionTool({
        type: "object",
        anyOf: many(n, (i) => ({ type: "object", properties: { [`p${i}`]: {} }, required: [`p${i}`] })),
      })],
    })),
  oToA("a tool of many references to one branch with many names", (n) =>
    chat({
      tools: [functionTool({
        type: "object",
        anyOf: many(n, () => ({ $ref: "#/$defs/x" })),
        $defs: { x: { type: "object", required: many(n, (i) => `p${i}`) } },
      })],
    })),
  oToA("a tool of all of many branches", (n) =>
    chat({
      tools: [
        functionTool({ type: "object", allOf: many(n, (i) => ({ type: "object", required: [`p${i}`] })) }),
      ],
    })),
  oToA("schema: a chain of references", (n) => answerFormat(chainOfReferences(n))),
  oToA(
    "schema: references to one definition",
    (n) =>
      answerFormat(
        closed(manyObjects(n, () => ({ $ref: "#/$defs/x" })), { $defs: { x: { type: "string" } } }),
      ),
  ),
  oToA("schema: a long reference", (n) => answerFormat(closed({ a: { $ref: `#/${"a/".repeat(n)}` } }))),
  oToA("schema: properties", (n) => answerFormat(closed(manyObjects(n, () => ({ type: "string" }))))),
  oToA(
    "schema: alternatives",
    (n) => answerFormat(closed({ a: { anyOf: many(n, (i) => ({ type: "string", const: `${i}` })) } })),
  ),
  oToA(
    "schema: alternatives that are none",
    (n) => answerFormat({ type: "object", anyOf: many(n, () => 1) }),
  ),
  oToA("schema: an enumeration", (n) => answerFormat(closed({ a: { enum: many(n, (i) => `v${i}`) } }))),
  oToA(
    "schema: unknown keywords",
    (n) => answerFormat(closed(manyObjects(n, (i) => ({ type: "string", [`k${i}`]: i })))),
  ),
  oToA(
    "schema: nested objects",
    (n) =>
      answerFormat(closed(record(n / 20, (i) => [
        `p${i}`,
        many(20, (level) => level).reduce<Value>(
          (inner) => closed({ a: inner }),
          { type: "string" },
        ),
      ]))),
  ),
  oToA(
    "schema: definitions that nobody refers to",
    (n) =>
      answerFormat(closed({ a: { type: "string" } }, { $defs: manyObjects(n, () => ({ type: "string" })) })),
  ),

  oToA("stop sequences", (n) => chat({ stop: many(n, (i) => `s${i}`) })),
  oToA("metadata", (n) => chat({ metadata: { a: many(n, (i) => ({ [`k${i}`]: "v" })) } })),
  oToA(
    "unknown members",
    (n) =>
      json({
        model: "m",
        messages: [hello],
        ...record(Math.min(n, 9000), (i) => [`field${i}`, "x".repeat(n / 100)]),
      }),
  ),
  oToA("beta names", (n) => chat({ anthropic_beta: many(n, (i) => `b${i}`) })),
  oToA("an end user of @", (n) => chat({ user: `${"@".repeat(n)} ` })),
  oToA("an end user of digits", (n) => chat({ user: "1".repeat(n) })),
  oToA("a model's name of slashes", (n) => json({ model: "/".repeat(n), messages: [hello] })),
  oToA(
    "escapes of one string",
    (n) => `{"model":"m","messages":[{"role":"user","content":"${"\\u00e9".repeat(n)}"}]}`,
  ),
];
