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
  /** Of warnings that may be as many as there are entries in the file. */
  readonly kind?: Kind;
}

/** Warnings of one kind say the same about many places. */
export type Kind =
  | "failover only"
  | "unused model"
  | "no key"
  | "no model"
  | "expired key"
  | "odd name"
  | "cycle";

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

export function warning(path: Path, message: string, kind?: Kind): Finding {
  return { severity: "warning", path, message, ...(kind !== undefined && { kind }) };
}

/** So many warnings of one kind are shown one by one. */
const MOST_OF_A_KIND = 3;

/** The findings in which many warnings of one kind are the first of them, with their count. */
export function folded(findings: readonly Finding[]): Finding[] {
  const counts = new Map<Kind, number>();
  for (const { kind } of findings) if (kind !== undefined) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const shown = new Set<Kind>();
  return findings.flatMap((finding) => {
    const { kind, message } = finding;
    const count = kind === undefined ? 0 : counts.get(kind) ?? 0;
    if (kind === undefined || count <= MOST_OF_A_KIND) return [finding];
    if (shown.has(kind)) return [];
    shown.add(kind);
    return [{ ...finding, message: `${message} (and ${count - 1} more like this)` }];
  });
}

/** The findings whose place is not within a place that is malformed: they would only be its echo. */
export function unlessBroken(findings: readonly Finding[], broken: readonly Path[]): Finding[] {
  if (broken.length === 0) return [...findings];
  const known = new Set(broken.map((path) => JSON.stringify(path)));
  const isWithin = (path: Path) =>
    path.some((_, index) => known.has(JSON.stringify(path.slice(0, index + 1))));
  return findings.filter(({ path }) => !isWithin(path));
}

/** Whether a section, or something in it, is malformed. */
export function isBroken(section: string, broken: readonly Path[]): boolean {
  return broken.some((path) => path[0] === section);
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
