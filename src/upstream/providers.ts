/**
 * The providers that exist without being configured. To add a vendor whose dialect is known, add an entry.
 * Where requests go below the base URL and how they are signed is the dialect's affair.
 */

export interface Vendor {
  readonly dialect: string;
  readonly baseURL: string;
  /** The environment variables that the vendor's own SDK reads. */
  readonly apiKeyEnv: string;
  readonly baseURLEnv: string;
}

/** By the name that models give as their `provider`. */
export const VENDORS: ReadonlyMap<string, Vendor> = new Map([
  ["openai", {
    dialect: "openai-chat",
    baseURL: "https://api.openai.com/v1",
    apiKeyEnv: "OPENAI_API_KEY",
    baseURLEnv: "OPENAI_BASE_URL",
  }],
  ["anthropic", {
    dialect: "anthropic-messages",
    baseURL: "https://api.anthropic.com/v1",
    apiKeyEnv: "ANTHROPIC_API_KEY",
    baseURLEnv: "ANTHROPIC_BASE_URL",
  }],
]);

/** Answers by which vendors refuse a key without a 401: a status, and the provider's own word for it. */
export const REFUSED_KEYS: readonly { readonly status: number; readonly word: string }[] = [
  // Gemini's.
  { status: 400, word: "API_KEY_INVALID" },
];

/** Options of a provider's section that become a header of every request, and the one dialect that has it. */
export const HEADER_OPTIONS = {
  anthropicVersion: { dialect: "anthropic-messages", header: "anthropic-version" },
} as const;

export type HeaderOption = keyof typeof HEADER_OPTIONS;
export const HEADER_OPTION_NAMES = ["anthropicVersion"] as const satisfies readonly HeaderOption[];
