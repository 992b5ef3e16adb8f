/** Limits of an answer's length as refusals state them, whichever API the server speaks. */

/** Numbers that stand for the most output tokens, in a refusal that is about the limit. */
const MOST = [
  /\bat most [`'"]?(\d{1,9})\b/i,
  /(?:<=|less than or equal to) *[`'"]?(\d{1,9})\b/i,
  /\[ *\d+ *, *(\d{1,9}) *\]/,
  /\bbetween \d+ and (\d{1,9})\b/i,
  /> *(\d{1,9}), which is the maximum/i,
  /\b(?:cannot|can't|must not|may not) (?:exceed|be (?:greater|larger|more) than) (?:\w{1,40}=){0,3}[`'"]?(\d{1,9})\b/i,
  /\bexceeds? .{0,40}(?:maximum|limit).{0,40}\((\d{1,9})\)/i,
  /\b(?:maximum|limit|max)(?: \w+){0,5} (?:is|of|:) [`'"]?(\d{1,9})\b/i,
];

/** The refusal begins with the field that holds the limit, in any API's spelling, or with words for it. */
const ABOUT_LIMIT =
  /^(?:invalid |range of |the |integer below minimum value: )?(?:parameter |value for |value of )?[`'"]{0,3}(?:max_tokens|max_completion_tokens|max_output_tokens|maximum tokens you requested)\b/i;

/** Whether a text begins as a refusal of an answer's limit does. */
export function isAboutLimit(text: string): boolean {
  return ABOUT_LIMIT.test(text);
}

/** The most that a refusal of a limit says the model answers; undefined where it names nothing below what was asked for. */
export function statedMost(text: string, asked: number): number | undefined {
  for (const pattern of MOST) {
    const most = Number(pattern.exec(text)?.[1] ?? Number.NaN);
    if (most >= 1 && most < asked) return most;
  }
  return undefined;
}

/** Fewer tokens than these are no room for an answer: the conversation is too long. */
const LEAST_ROOM = 256;

/** How refusals begin that count the prompt and the answer's limit together, and name the window. */
const WINDOWS = [
  /^.{0,120}maximum context length (?:is|of) (\d{1,9}) tokens/i,
  /^input length and `max_tokens` exceed context limit: \d{1,9} \+ \d{1,9} > (\d{1,9})/i,
  /^`inputs` tokens \+ `max_new_tokens` must be <= (\d{1,9})/i,
];
/** Where they name the prompt's part of it. */
const PROMPTS = [
  /\((\d{1,9}) in the messages/i,
  /\brequest has (\d{1,9}) input tokens/i,
  /: (\d{1,9}) tokens from the input messages/i,
  /\((\d{1,9}) of text input(?:, (\d{1,9}) of tool input)?/i,
  /exceed context limit: (\d{1,9}) \+/i,
  /\bgiven: (\d{1,9}) `inputs` tokens/i,
];

/** What a context leaves for the answer; undefined where the refusal does not say it, or it is too little for one. */
export function roomForAnswer(words: string): number | undefined {
  const window = firstOf(WINDOWS, words);
  const prompt = firstOf(PROMPTS, words);
  if (window === undefined || prompt === undefined) return undefined;
  const room = window - prompt;
  return room >= LEAST_ROOM ? room : undefined;
}

/** The sum of the numbers that the first fitting pattern finds. */
function firstOf(patterns: readonly RegExp[], words: string): number | undefined {
  for (const pattern of patterns) {
    const found = pattern.exec(words)?.slice(1);
    if (found) return found.reduce((sum, number) => sum + Number(number ?? 0), 0);
  }
  return undefined;
}
