/** What a client can make long, on the way to a provider of its own dialect. */

import { agentBody } from "../bench/bodies.ts";
import {
  answering,
  call,
  calling,
  chat,
  hello,
  many,
  messages,
  record,
  relayed,
  type RequestShape,
  resultOf,
  use,
  withArguments,
} from "./values.ts";

export const RELAYED: readonly RequestShape[] = [
  relayed("an agent's tools", agentBody),
  relayed(
    "many short turns",
    (n) => chat({ messages: many(n, (i) => ({ role: i % 2 ? "assistant" : "user", content: "ok, go on" })) }),
  ),
  relayed("one long text", (n) => chat({ messages: [{ role: "user", content: "word ".repeat(n) }] })),
  relayed(
    "Chinese",
    (n) => chat({ messages: many(n, () => ({ role: "user", content: "敏捷的棕色狐狸".repeat(10) })) }),
  ),
  relayed("keys that are not ASCII", (n) => chat({ x: many(n, (i) => ({ [`é${i}`]: 1 })) })),
  relayed(
    "keys with escapes",
    (n) => chat({ x: [] }).replace("[]", `[${many(n, (i) => `{"\\u006b${i}":1}`).join(",")}]`),
  ),
  relayed(
    "one object of many keys",
    (n) => chat({ x: record(Math.min(n, 9900), (i) => [`k${i}`, "v".repeat(n / 200)]) }),
  ),
  relayed("long keys", (n) => chat({ x: many(n / 10, (i) => ({ ["k".repeat(200) + i]: 1 })) })),
  relayed("small objects", (n) => chat({ x: many(n, () => ({ a: 1 })) })),
  relayed("objects of two keys", (n) => chat({ x: many(n, () => ({ a: 1, b: 2 })) })),
  relayed("empty objects", (n) => chat({ x: many(n, () => ({})) })),
  relayed(
    "nested lists",
    (n) => chat({ x: [] }).replace("[]", `[${many(n, () => "[".repeat(50) + "]".repeat(50)).join(",")}]`),
  ),
  relayed(
    "numbers of 20 digits",
    (n) => chat({ x: [] }).replace("[]", `[${many(n, () => "12345678901234567890").join(",")}]`),
  ),
  relayed("floats of 17 digits", (n) => chat({ x: many(n, (i) => Math.sin(i)) })),
  relayed(
    "numbers of 16 digits and more in texts",
    (n) => chat({ messages: many(n, () => ({ role: "user", content: "id 1732713600000000 please" })) }),
  ),
  relayed(
    "numbers of 990 digits",
    (n) => chat({ x: [] }).replace("[]", `[${many(n / 50, () => `1${"0".repeat(988)}1`).join(",")}]`),
  ),
  relayed(
    "numbers that are almost none",
    (n) => chat({ x: [] }).replace("[]", `[${many(n / 50, () => `0.${"0".repeat(980)}1`).join(",")}]`),
  ),
  relayed(
    "words outside of strings",
    (n) => chat({ x: 0 }).replace("0}", `${`${"a".repeat(990)} `.repeat(n / 50)}}`),
  ),
  relayed(
    "words of 70 letters outside of strings",
    (n) => chat({ x: 0 }).replace("0}", `${`${"a".repeat(70)} `.repeat(n)}}`),
  ),
  relayed("a word that does not end", (n) => chat({ x: 0 }).replace("0}", `${"a".repeat(n)}}`)),
  relayed(
    "white space outside of strings",
    (n) => `{"model":"m",${" ".repeat(n)}"messages":[{"role":"user","content":"x"}]}`,
  ),
  relayed(
    "white space around each value",
    (n) => chat({ x: [] }).replace("[]", `[${many(n / 50, () => `${" ".repeat(1000)}1`).join(",")}]`),
  ),
  relayed(
    "escaped quotes",
    (n) => `{"model":"m","messages":[{"role":"user","content":"${'\\"'.repeat(n)}"}]}`,
  ),
  relayed("backslashes", (n) => `{"model":"m","messages":[{"role":"user","content":"${"\\\\".repeat(n)}"}]}`),
  relayed("an unending string of backslashes", (n) => `{"model":"m","messages":"${"\\\\".repeat(n)}`),
  relayed("strings of one character", (n) => chat({ x: many(n, () => "s") })),
  relayed("tool arguments", (n) => withArguments(`{"a":[${"{},".repeat(n)}{}]}`)),
  relayed(
    "stream options",
    (n) =>
      chat({
        stream: true,
        stream_options: record(Math.min(n, 9000), (i) => [`k${i}`, "v".repeat(n / 100)]),
      }),
  ),
  {
    name: "turns",
    from: "A",
    to: "A",
    body: (n) =>
      messages({ messages: many(n, (i) => ({ role: i % 2 ? "assistant" : "user", content: `m${i}` })) }),
  },
  {
    name: "thoughts",
    from: "A",
    to: "A",
    body: (n) =>
      messages({
        messages: [hello, {
          role: "assistant",
          content: many(n, (i) => ({ type: "thinking", thinking: `t${i}`, signature: i % 2 ? "s" : "" })),
        }, hello],
      }),
  },
  {
    name: "tool turns",
    from: "A",
    to: "A",
    body: (n) =>
      messages({
        messages: [
          hello,
          ...many(
            n,
            (
              i,
            ) => [{ role: "assistant", content: [use(`c${i}`)] }, {
              role: "user",
              content: [resultOf(`c${i}`)],
            }],
          ).flat(),
        ],
      }),
  },
  {
    name: "one id that the API refuses in all turns",
    from: "A",
    to: "A",
    body: (n) =>
      messages({
        messages: [
          hello,
          ...many(n, () => [{ role: "assistant", content: [use("f.x:0")] }, {
            role: "user",
            content: [resultOf("f.x:0")],
          }]).flat(),
        ],
      }),
  },
  {
    name: "one id for all calls of a turn",
    from: "A",
    to: "A",
    body: (n) =>
      messages({
        messages: [
          hello,
          { role: "assistant", content: many(n, () => use("c")) },
          { role: "user", content: many(n, () => resultOf("c")) },
        ],
      }),
  },
  relayed(
    "another maker's thoughts and long ids",
    (n) =>
      chat({
        messages: many(n, (i) => {
          const id = `${i}`.padStart(46, "0");
          const details = [{
            type: "reasoning.text",
            text: "t",
            signature: "s",
            format: "anthropic-claude-v1",
          }];
          return [{ ...calling(call(id)), reasoning_details: details }, answering(id)];
        }).flat(),
      }),
  ),
];
