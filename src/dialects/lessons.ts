/**
 * How what a model refuses is written down (`TargetModel.refuses`): as narrow as its refusal was. A plain name is a
 * field or a feature that a dialect knows, `name=value` one of a field's values, `name<=number` and
 * `name>=number` limits.
 */

import type { Json } from "../json.ts";

type Refuses = ReadonlySet<string>;

/** One word of a field is refused; other values of it are not. */
export function valueLesson(field: string, value: string): string {
  return `${field}=${value}`;
}

/** The most that a field may ask for. */
export function limitLesson(field: string, most: number): string {
  return `${field}<=${most}`;
}

/** The least that a field may ask for. */
export function leastLesson(field: string, least: number): string {
  return `${field}>=${least}`;
}

/** Whether the field is refused, with this value or with any. */
export function refusesField(refuses: Refuses, field: string, value: Json | undefined): boolean {
  if (refuses.size === 0) return false;
  return refuses.has(field) || (typeof value === "string" && refuses.has(valueLesson(field, value)));
}

/** The smallest limit that was learned of a field; Infinity where none was. */
export function learnedLimit(refuses: Refuses, field: string): number {
  return numbersOf(refuses, `${field}<=`).reduce((least, number) => Math.min(least, number), Infinity);
}

/** A number held to what was learned of a field: its limit, and the least that is accepted. */
export function withinLearned(refuses: Refuses, field: string, asked: number): number {
  const limited = Math.min(asked, learnedLimit(refuses, field));
  return numbersOf(refuses, `${field}>=`).reduce((most, number) => Math.max(most, number), limited);
}

function numbersOf(refuses: Refuses, beginning: string): number[] {
  const found: number[] = [];
  for (const name of refuses) {
    if (name.startsWith(beginning)) found.push(Number(name.slice(beginning.length)));
  }
  return found;
}
