/** Checks of names, whatever they name. Pure. */

import { type Finding, type Path, problem, quote } from "./problem.ts";

/** Names end up in headers, log lines and terminals. */
// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** What is wrong with something as a name, whatever it names. */
export function checkName(path: Path, name: string): Finding[] {
  if (name === "") return [problem(path, "The name is empty: give it one")];
  if (CONTROL.test(name)) {
    return [problem(path, `The name ${quote(name)} holds control characters: remove them`)];
  }
  return [];
}
