/**
 * What models accept, by their names, as data. A name that is not here is a model of some compatible server: it gets
 * the older spellings that all of them read, and no field that strict ones refuse. What the table does not know is
 * learnt from the refusal (`correct`).
 */

import { type Effort, EFFORTS } from "../../chat.ts";

export interface ModelTraits {
  /** The limit is called `max_completion_tokens`; compatible servers know `max_tokens` alone. */
  readonly completionTokens: boolean;
  /** The efforts that it accepts; empty for a model that does not reason on request. */
  readonly efforts: readonly Effort[];
  /** `temperature` and `top_p` other than 1 are accepted. */
  readonly sampling: boolean;
  /** `stop` is accepted. */
  readonly stop: boolean;
  /** `safety_identifier` is known. */
  readonly safetyIdentifier: boolean;
  /**
   * With functions the model takes no effort: none at all where it would not reason by itself, else the word `none`
   * (openai/openai-openapi#541, litellm PR34569).
   */
  readonly effortWithTools: "accepted" | "refused" | "none";
}

/** The traits of a model, by its name at the provider: `gpt-5`, `openai/gpt-5`, `ft:gpt-4o:…`. */
export function traitsOf(model: string): ModelTraits {
  const name = model.toLowerCase().replace(/^.*\//s, "").replace(/^ft:/, "");
  return TABLE.find(([pattern]) => pattern.test(name))?.[1] ?? COMPATIBLE;
}

/** Whether the table has the model: what is said of another is said of compatible servers in general. */
export function isKnown(traits: ModelTraits): boolean {
  return traits !== COMPATIBLE;
}

/** The effort itself if the model accepts it, else the nearest below, else its lowest. */
export function nearestEffort(wanted: Effort, accepted: readonly Effort[]): Effort | undefined {
  const rank = (effort: Effort) => EFFORTS.indexOf(effort);
  return accepted.findLast((effort) => rank(effort) <= rank(wanted)) ?? accepted[0];
}

const COMPATIBLE: ModelTraits = {
  completionTokens: false,
  efforts: [],
  sampling: true,
  stop: true,
  safetyIdentifier: false,
  effortWithTools: "accepted",
};
const CHAT: ModelTraits = { ...COMPATIBLE, completionTokens: true, safetyIdentifier: true };

function reasoning(...efforts: Effort[]): ModelTraits {
  return { ...CHAT, efforts, sampling: false, stop: false };
}

/** The first match counts. Efforts by https://developers.openai.com/api/docs/guides/reasoning, lowest first. */
const TABLE: readonly (readonly [RegExp, ModelTraits])[] = [
  [/^gpt-oss/, { ...COMPATIBLE, efforts: ["low", "medium", "high"] }],
  [/^gpt-5(\.\d+)?-chat|^chatgpt-/, CHAT],
  [/^gpt-5-pro/, reasoning("high")],
  [/^gpt-5\.[2-9]-pro/, reasoning("medium", "high", "xhigh")],
  [/^gpt-5-codex|^gpt-5\.1-codex(?!-max)/, reasoning("low", "medium", "high")],
  [/^gpt-5\.1-codex-max|^gpt-5\.[23]-codex/, reasoning("low", "medium", "high", "xhigh")],
  [/^gpt-5(?!\.)/, reasoning("minimal", "low", "medium", "high")],
  [/^gpt-5\.1/, reasoning("none", "low", "medium", "high")],
  [/^gpt-5\.[23]/, reasoning("none", "low", "medium", "high", "xhigh")],
  [/^gpt-5\.[45]/, {
    ...reasoning("none", "low", "medium", "high", "xhigh"),
    effortWithTools: "refused",
  }],
  [/^gpt-5\.6/, {
    ...reasoning("none", "low", "medium", "high", "xhigh", "max"),
    effortWithTools: "none",
  }],
  [/^gpt-([5-9]|\d\d)/, reasoning("none", "low", "medium", "high", "xhigh", "max")],
  [/^o1-(mini|preview)/, reasoning()],
  [/^o\d/, reasoning("low", "medium", "high")],
  [/^gpt-/, CHAT],
  [/^gemini-(2\.5|[3-9])/, { ...COMPATIBLE, efforts: ["minimal", "low", "medium", "high"] }],
  [/^grok-3-mini/, { ...COMPATIBLE, efforts: ["low", "high"] }],
];
