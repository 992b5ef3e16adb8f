/** What is wrong with a configuration, and where. Pure. */

export type Severity = "problem" | "warning";

/** The way to a place in the document: keys and list indexes. */
export type Path = readonly (string | number)[];

/** A problem as the checks find it; its line is looked up later, unless it is known. */
export interface Finding {
  readonly severity: Severity;
  readonly path: Path;
  /** What is wrong and what to do. */
  readonly message: string;
  readonly line?: number;
}

/** A problem as it is shown. */
export interface Problem {
  readonly severity: Severity;
  /** `users.user-a.models[0].failover`; empty for the document as a whole. */
  readonly path: string;
  /** From 1; absent when the place is not in the file. */
  readonly line?: number;
  readonly message: string;
}

export function problem(path: Path, message: string): Finding {
  return { severity: "problem", path, message };
}

export function warning(path: Path, message: string): Finding {
  return { severity: "warning", path, message };
}

/** A path as people write it; keys that are not plain words are quoted: `models["gpt-4.1"].provider`. */
export function showPath(path: Path): string {
  let shown = "";
  for (const step of path) {
    if (typeof step === "number") shown += `[${step}]`;
    else if (!/^[\p{L}\p{N}_$-]+$/u.test(step)) shown += `[${quote(step)}]`;
    else shown += shown === "" ? step : `.${step}`;
  }
  return shown;
}

const LONGEST_SHOWN = 100;
// What a terminal would act on: C1 controls, line ends and direction marks.
const UNSAFE = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** A text in double quotes, cut when long, with nothing in it that a terminal would act on. */
export function quote(text: string): string {
  const cut = text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
  return JSON.stringify(cut).replace(
    UNSAFE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
