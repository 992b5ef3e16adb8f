/** How a request is being encoded: for which model, under which tool names, and what was lost so far. */

import type { Warning } from "../../chat.ts";
import type { TargetModel } from "../dialect.ts";
import type { ModelTraits } from "./models.ts";

export interface Encoding {
  readonly target: TargetModel;
  readonly traits: ModelTraits;
  /** The name that a tool goes by upstream. */
  toolName(name: string): string;
  warn(code: Warning): void;
}
