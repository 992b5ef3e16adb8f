/** What a client of the Messages API can make long, on the way to a provider of the Chat API. */

import { aToO, hello, json, many, messages, record, type RequestShape, resultOf, use } from "./values.ts";

export const MESSAGES_REQUESTS: readonly RequestShape[] = [
  aToO(
    "turns",
    (n) => messages({ messages: many(n, (i) => ({ role: i % 2 ? "assistant" : "user", content: `m${i}` })) }),
  ),
  aToO(
    "parts of one message",
    (n) =>
      messages({ messages: [{ role: "user", content: many(n, (i) => ({ type: "text", text: `m${i}` })) }] }),
  ),
  aToO(
    "instructions with a billing line",
    (n) => messages({ system: many(n, () => ({ type: "text", text: "x-anthropic-billing-header: a" })) }),
  ),
  aToO(
    "instructions of many lines",
    (n) => messages({ system: [{ type: "text", text: "x-anthropic-billing-header: a\n".repeat(n) }] }),
  ),
  aToO("images", (n) =>
    messages({
      messages: [{
        role: "user",
        content: many(n, () => ({
          type: "image",
          source: { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" },
        })),
      }],
    })),
  aToO("documents", (n) =>
    messages({
      messages: [{
        role: "user",
        content: many(n, (i) => ({
          type: "document",
          source: { type: "text", media_type: "text/plain", data: `d${i}` },
        })),
      }],
    })),
  aToO("search results", (n) =>
    messages({
      messages: [{
        role: "user",
        content: many(n, (i) => ({
          type: "search_result",
          title: "t",
          source: "s",
          content: [{ type: "text", text: `d${i}` }],
        })),
      }],
    })),
  aToO("pages of a search", (n) =>
    messages({
      messages: [hello, {
        role: "assistant",
        content: [{
          type: "web_search_tool_result",
          tool_use_id: "s",
          content: many(n, (i) => ({ title: "t", url: `https://e/${i}` })),
        }],
      }, hello],
    })),
  aToO("thoughts", (n) =>
    messages({
      messages: [hello, {
        role: "assistant",
        content: many(n, (i) => ({ type: "thinking", thinking: `t${i}`, signature: "s" })),
      }, hello],
    })),
  aToO(
    "tools",
    (n) => messages({ tools: many(n, (i) => ({ name: `f${i}`, input_schema: { type: "object" } })) }),
  ),
  aToO(
    "tools with long names",
    (n) =>
      messages({ tools: many(n, (i) => ({ name: "f".repeat(100) + i, input_schema: { type: "object" } })) }),
  ),
  aToO(
    "tools of the provider's own",
    (n) => messages({ tools: many(n, (i) => ({ type: "web_search_20250305", name: `w${i}` })) }),
  ),
  aToO("tool turns", (n) =>
    messages({
      messages: [
        hello,
        ...many(n, (i) => [
          { role: "assistant", content: [use(`c${i}`)] },
          { role: "user", content: [resultOf(`c${i}`)] },
        ]).flat(),
      ],
    })),
  aToO("tool turns of one id", (n) =>
    messages({
      messages: [
        hello,
        ...many(n, () => [
          { role: "assistant", content: [use("c")] },
          { role: "user", content: [resultOf("c")] },
        ]).flat(),
      ],
    })),
  aToO("results reversed", (n) =>
    messages({
      messages: [
        hello,
        { role: "assistant", content: many(n, (i) => use(`c${i}`)) },
        { role: "user", content: many(n, (i) => resultOf(`c${n - 1 - i}`)) },
      ],
    })),
  aToO("input of one call", (n) =>
    messages({
      messages: [
        hello,
        { role: "assistant", content: [use("c", { a: many(n, (i) => ({ i })) })] },
        { role: "user", content: [resultOf("c")] },
      ],
    })),
  aToO("images of one result", (n) =>
    messages({
      messages: [
        hello,
        { role: "assistant", content: [use("c")] },
        {
          role: "user",
          content: [{
            type: "tool_result",
            tool_use_id: "c",
            content: many(n, () => ({
              type: "image",
              source: { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" },
            })),
          }],
        },
      ],
    })),
  aToO("cache marks", (n) =>
    messages({
      messages: [{
        role: "user",
        content: many(n, (i) => ({ type: "text", text: `m${i}`, cache_control: { type: "ephemeral" } })),
      }],
    })),
  aToO("stop sequences", (n) => messages({ stop_sequences: many(n, (i) => `s${i}`) })),
  aToO("unknown members", (n) =>
    json({
      model: "m",
      max_tokens: 1,
      messages: [hello],
      ...record(Math.min(n, 9000), (i) => [`field${i}`, "x".repeat(n / 100)]),
    })),
];
