/** The figures of a run, and the table that shows them. */

import { arch, cpus, release, totalmem, type as osName } from "node:os";

/**
 * A row of the table. Of the values that several rounds gave, noise only ever spoils: the best one counts. A difference of
 * two values may be spoiled either way: there the middle one does.
 */
export interface Row {
  readonly name: string;
  readonly unit: string;
  readonly best: "least" | "most" | "middle";
  /** Shown beside the value: how many times the limit's (nginx) value it is. */
  readonly ratio: boolean;
  readonly digits: number;
}

export interface Figures {
  add(row: Row, system: string, value: number): void;
  note(text: string): void;
  report(facts: Facts): Report;
}

export interface Facts {
  readonly versions: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, unknown>>;
}

export interface Report extends Facts {
  readonly machine: string;
  readonly systems: readonly string[];
  readonly rows: readonly (Row & { readonly values: Readonly<Record<string, readonly number[]>> })[];
  readonly notes: readonly string[];
}

export const LIMIT = "nginx";

export function createFigures(systems: readonly string[]): Figures {
  const rows = new Map<string, { row: Row; values: Map<string, number[]> }>();
  const notes = new Set<string>();
  return {
    add(row, system, value) {
      const known = rows.get(row.name) ?? { row, values: new Map<string, number[]>() };
      rows.set(row.name, known);
      known.values.set(system, [...known.values.get(system) ?? [], value]);
    },
    note: (text) => void notes.add(text),
    report: (facts) => ({
      ...facts,
      machine: machine(),
      systems,
      rows: [...rows.values()].map(({ row, values }) => ({ ...row, values: Object.fromEntries(values) })),
      notes: [...notes],
    }),
  };
}

function machine(): string {
  const model = cpus()[0]?.model ?? "unknown processor";
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${model}, ${memory} GiB, ${osName()} ${release()} ${arch()}`;
}

/** A table with a column for each system, and below it what it was measured with. */
export function markdown(report: Report): string {
  const head = ["", ...report.systems];
  const lines = [
    line(head),
    line(head.map((_, at) => at === 0 ? "---" : "---:")),
    ...report.rows.map((row) =>
      line([`${row.name}, ${row.unit}`, ...report.systems.map((one) => cell(row, one))])
    ),
  ];
  const versions = Object.entries(report.versions).map(([name, version]) => `${name} ${version}`);
  return [
    ...lines,
    "",
    `In brackets: times ${LIMIT}. Machine: ${report.machine}. Versions: ${versions.join(", ")}.`,
    ...report.notes.map((note) => `- ${note}`),
    "",
  ].join("\n");
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function cell(row: Report["rows"][number], system: string): string {
  const value = best(row, system);
  if (value === undefined) return "–";
  const limit = row.ratio ? best(row, LIMIT) : undefined;
  const shown = value.toFixed(row.digits);
  return limit ? `${shown} (${(value / limit).toFixed(1)})` : shown;
}

function best(row: Report["rows"][number], system: string): number | undefined {
  const values = row.values[system];
  if (!values || values.length === 0) return undefined;
  const sorted = [...values].sort((one, other) => one - other);
  const at = { least: 0, middle: Math.floor((sorted.length - 1) / 2), most: sorted.length - 1 };
  return sorted[at[row.best]];
}
