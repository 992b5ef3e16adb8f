import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Capabilities,
  capabilitiesOf,
  type Refusal,
} from "../../../src/dialects/anthropic-messages/models.ts";

const none: ReadonlySet<string> = new Set();

const known: readonly (readonly [string, Partial<Capabilities>])[] = [
  ["claude-opus-5-5", { forcedTool: false, sampling: "none", preservedThinking: true, midSystem: true }],
  ["claude-opus-5", { forcedTool: true, preservedThinking: false, thinking: ["adaptive", "disabled"] }],
  ["claude-sonnet-5-5", { thinking: ["adaptive", "between_tools"], forcedTool: false }],
  ["claude-haiku-5-5", { forcedTool: true, preservedThinking: true, offUpToHigh: true }],
  ["claude-fable-5-1", { thinking: ["adaptive"], forcedTool: false }],
  ["claude-fable-5", { thinking: ["adaptive"], forcedTool: true }],
  ["claude-opus-4-7", { thinking: ["adaptive", "disabled"], midSystem: false }],
  ["claude-opus-4-6", { efforts: ["low", "medium", "high", "max"], sampling: "one", prefill: false }],
  ["claude-opus-4-5-20251101", { efforts: ["low", "medium", "high"], maxOutput: 64_000, prefill: true }],
  ["claude-haiku-4-5", { efforts: [], thinking: ["enabled", "disabled"] }],
  ["claude-opus-4-1-20250805", { maxOutput: 32_000, structured: true, sampling: "one" }],
  ["claude-opus-4-20250514", { maxOutput: 32_000, structured: false, sampling: "all" }],
  ["claude-sonnet-4-20250514", { maxOutput: 64_000, structured: false }],
  ["claude-3-haiku-20240307", { maxOutput: 4096, thinking: [], efforts: [] }],
  ["claude-tomorrow-9", { maxOutput: 128_000, thinking: ["adaptive"], prefill: false }],
  ["us.anthropic.claude-opus-4-5-20251101-v1:0", { efforts: ["low", "medium", "high"] }],
  ["anthropic/claude-sonnet-4.5", { thinking: ["enabled", "disabled"], structured: true }],
  ["some-other-model", { sampling: "all", prefill: true, structured: false, efforts: [] }],
];

for (const [model, expected] of known) {
  test(`${model} is known by a part of its name, the longest that fits`, () => {
    const found = capabilitiesOf(model, none);
    assert.deepEqual({ ...found, ...expected }, found);
  });
}

const learned: readonly (readonly [Refusal, string, Partial<Capabilities>])[] = [
  ["sampling", "claude-sonnet-4-5", { sampling: "none" }],
  ["temperature_with_top_p", "claude-sonnet-4", { sampling: "one" }],
  ["temperature_with_top_p", "claude-sonnet-5", { sampling: "none" }],
  ["thinking.adaptive", "claude-opus-5", { thinking: ["disabled"] }],
  ["effort", "claude-opus-5", { efforts: [] }],
  ["forced_tool", "claude-opus-5", { forcedTool: false }],
  ["prefill", "claude-sonnet-4-5", { prefill: false }],
  ["output_format", "claude-opus-5", { structured: false }],
  ["mid_system", "claude-opus-5", { midSystem: false }],
];

for (const [refusal, model, expected] of learned) {
  test(`what ${model} refused (${refusal}) goes before the table`, () => {
    const found = capabilitiesOf(model, new Set([refusal]));
    assert.deepEqual({ ...found, ...expected }, found);
  });
}
