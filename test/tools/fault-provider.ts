/**
 * The simulated providers alone, to see a fault with curl or to point a client at:
 * node test/tools/fault-provider.ts --port 9901 [--anthropic-port 9902] [--host 127.0.0.1] [--pace 25]
 */

import { parseArgs } from "node:util";
import { FAULTS } from "../../src/demo/faults.ts";
import { startProviders } from "../../src/demo/providers.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "9901" },
    "anthropic-port": { type: "string" },
    host: { type: "string", default: "127.0.0.1" },
    pace: { type: "string", default: "25" },
  },
});

const port = wholeNumber("port", values.port);
const providers = await startProviders({
  host: values.host,
  openaiPort: port,
  anthropicPort: wholeNumber("anthropic-port", values["anthropic-port"] ?? String(port === 0 ? 0 : port + 1)),
  pace: wholeNumber("pace", values.pace),
});

console.log(`OPENAI_BASE_URL=${providers.openaiURL}`);
console.log(`ANTHROPIC_BASE_URL=${providers.anthropicURL}`);
console.log("\nAny key works but one that begins with bad. Faults, as part of the model's name:\n");
for (const [word, { about }] of Object.entries(FAULTS)) console.log(`  demo-${word.padEnd(18)} ${about}`);
console.log(
  "\n-once behind the word plays it for the first request of a model only, -NUMBER sets its parameter,",
);
console.log("demo-usage-IN-OUT orders the usage, a name that ends in -unknown is no model.");

process.once("SIGINT", () => void providers.close());
process.once("SIGTERM", () => void providers.close());

function wholeNumber(name: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  console.error(`--${name} must be a whole number, not "${text}"`);
  process.exit(2);
}
