/** What is not shared: state is in the memory of one process. */

import { MAX_BYTES } from "../../byte-budget.ts";

/** What each worker has for itself. */
export const PER_WORKER = [
  "target health and cooling",
  "retry budgets",
  "what models were found to refuse",
  "thinking kept for the next turn",
  `${MAX_BYTES / 2 ** 20} MiB for request bodies`,
  "connections up to half of the descriptor limit",
] as const;

/** The same in a line. */
export function perWorkerLine(workers: number): string {
  return `Each of the ${workers} workers has its own: ${PER_WORKER.join(", ")}`;
}
