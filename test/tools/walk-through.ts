// The official SDKs as clients of a running daemon, streaming, in both dialects, with one failover.
// Start `serve --demo`, then: node test/tools/walk-through.ts [http://127.0.0.1:4242]

import process from "node:process";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const url = process.argv[2] ?? "http://127.0.0.1:4242";
const defaultHeaders = { "x-user": "user-a" };
const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0, defaultHeaders });
const anthropic = new Anthropic({ baseURL: url, apiKey: "none", maxRetries: 0, defaultHeaders });

await chat("gpt-5");
await chat("claude-sonnet-4-20250514");
await messages("claude-sonnet-4-20250514");
await messages("gpt-5");
await chat("demo-overloaded-stream");

async function chat(model: string): Promise<void> {
  const { data, response } = await openai.chat.completions.create({
    model,
    stream: true,
    stream_options: { include_usage: true },
    messages: [{ role: "user", content: "Hello" }],
  }).withResponse();
  let text = "";
  let tokens = 0;
  for await (const chunk of data) {
    text += chunk.choices[0]?.delta.content ?? "";
    tokens = chunk.usage?.total_tokens ?? tokens;
  }
  report("openai SDK", model, text, tokens, response);
}

async function messages(model: string): Promise<void> {
  const stream = anthropic.messages.stream({
    model,
    max_tokens: 1000,
    messages: [{ role: "user", content: "Hello" }],
  });
  const { response } = await stream.withResponse();
  const { usage } = await stream.finalMessage();
  report(
    "anthropic SDK",
    model,
    await stream.finalText(),
    usage.input_tokens + usage.output_tokens,
    response,
  );
}

function report(client: string, model: string, text: string, tokens: number, { headers }: Response): void {
  const answered = `${headers.get("x-ai-proxy-model")} at ${headers.get("x-ai-proxy-provider")}`;
  const failover = headers.get("x-ai-proxy-failover");
  console.log(
    `${client} asks ${model}; ${answered} answers${failover === null ? "" : ` (failover: ${failover})`}`,
  );
  console.log(`  ${text} [${tokens} tokens]`);
}
