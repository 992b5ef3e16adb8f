/** `--demo`: simulated providers on loopback, the example configuration, and what to try first. */

import { fileURLToPath } from "node:url";
import { startProviders } from "./providers.ts";

export interface Demo {
  /** The example configuration. */
  readonly file: string;
  /** The environment in which its providers are the simulated ones. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What to tell a newcomer, with commands to paste. */
  welcome(url: string): string;
  close(): Promise<void>;
}

/** Any key will do. */
const KEY = "no-key-needed";

/** Starts the simulated providers: real HTTP peers of the proxy. */
export async function startDemo(env: Demo["env"]): Promise<Demo> {
  const providers = await startProviders();
  return {
    file: fileURLToPath(new URL("../../rbac.example.json", import.meta.url)),
    env: {
      ...env,
      // They are on this machine.
      no_proxy: "*",
      OPENAI_API_KEY: KEY,
      OPENAI_BASE_URL: providers.openaiURL,
      ANTHROPIC_API_KEY: KEY,
      ANTHROPIC_BASE_URL: providers.anthropicURL,
    },
    welcome,
    close: providers.close,
  };
}

function welcome(url: string): string {
  const chat = (body: object) =>
    `curl -sN ${url}/v1/chat/completions -H 'X-User: user-a' -d '${JSON.stringify(body)}'`;
  const messages = [{ role: "user", content: "Hello" }];
  return `All providers are simulated, and so is every answer. Paste one of these:

  # An answer
  ${chat({ model: "gpt-5", messages })}

  # A streamed answer of another provider, translated
  ${chat({ model: "claude-sonnet-4-20250514", stream: true, messages })}

  # A failover: the first provider refuses with 429, the second answers
  ${chat({ model: "demo-429", messages }).replace("curl -sN", "curl -si")}
`;
}
