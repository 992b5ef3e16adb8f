/** Cache marks: at most four in a request, longer-lived ones first. */

import type { CacheMark } from "../../chat.ts";
import type { Warn } from "./warn.ts";
import type { Block, CacheControl, MessagesRequest, TextBlock, WireMessage, WireTool } from "./wire.ts";

/** A block's or tool's `cache_control`, to be spread into it. */
export function cacheControl(mark: CacheMark | undefined): { readonly cache_control?: CacheControl } {
  if (mark === undefined) return {};
  const { ttl } = mark;
  return { cache_control: { type: "ephemeral", ...(ttl === "5m" || ttl === "1h" ? { ttl } : {}) } };
}

/** The API's limit (CLIProxyAPI#4795). */
const MOST_MARKS = 4;

/**
 * Takes away the marks that the API would refuse: of more than four the first ones, save the first of the
 * instructions; and the hour of a mark that stands behind a five-minute one.
 */
export function limitMarks(request: MessagesRequest, warn: Warn): MessagesRequest {
  const marks: Mark[] = [];
  if (!hasMarks(request)) return request;
  visit(request, (control, part) => {
    marks.push({ control, part });
    return control;
  });
  const kept = keepLast(marks);
  if (kept.size < marks.length) {
    warn("cache_control");
  }
  let at = 0;
  let short = false;
  return visit(request, (control) => {
    if (!kept.has(at++)) return undefined;
    if (short && control.ttl === "1h") {
      warn("cache_control");
      return { type: "ephemeral" };
    }
    short ||= control.ttl !== "1h";
    return control;
  });
}

/** Most requests have none, and are not copied for it. */
function hasMarks({ cache_control, tools, system, messages }: MessagesRequest): boolean {
  return cache_control !== undefined || tools?.some(isMarked) === true || system?.some(isMarked) === true ||
    messages.some(({ content }) => content.some((block) => isMarked(block) || holdsMarked(block)));
}

function isMarked(block: object): boolean {
  return "cache_control" in block && block.cache_control !== undefined;
}

function holdsMarked(block: Block): boolean {
  return block.type === "tool_result" && typeof block.content === "object" && block.content.some(isMarked);
}

interface Mark {
  readonly control: CacheControl;
  readonly part: Region;
}

type Region = "tools" | "system" | "messages" | "request";
type Visit = (control: CacheControl, part: Region) => CacheControl | undefined;

/** The numbers of the marks that stay. */
function keepLast(marks: readonly Mark[]): ReadonlySet<number> {
  if (marks.length <= MOST_MARKS) return new Set(marks.keys());
  const numbers = [...marks.keys()].slice(-MOST_MARKS);
  const system = marks.findIndex(({ part }) => part === "system");
  if (system !== -1 && !numbers.includes(system)) numbers[0] = system;
  return new Set(numbers);
}

/** The request with every mark replaced, in the order in which the provider reads them. */
function visit(request: MessagesRequest, change: Visit): MessagesRequest {
  const tools = request.tools?.map((tool) => remark<WireTool>(tool, "tools", change));
  const system = request.system?.map((block) => remark<TextBlock>(block, "system", change));
  const messages = request.messages.map((message): WireMessage => ({
    role: message.role,
    content: message.content.map((block) => remarkBlock(block, change)),
  }));
  return {
    ...remark(request, "request", change),
    ...(tools ? { tools } : {}),
    ...(system ? { system } : {}),
    messages,
  };
}

function remarkBlock(block: Block, change: Visit): Block {
  if (block.type === "thinking" || block.type === "redacted_thinking") return block;
  if (block.type !== "tool_result" || typeof block.content !== "object") {
    return remark(block, "messages", change);
  }
  const content = block.content.map((inner) => remark(inner, "messages", change));
  return remark({ ...block, content }, "messages", change);
}

function remark<Marked extends { readonly cache_control?: CacheControl }>(
  marked: Marked,
  part: Region,
  change: Visit,
): Marked {
  if (marked.cache_control === undefined) return marked;
  const control = change(marked.cache_control, part);
  const { cache_control: _, ...rest } = marked;
  return { ...rest, ...(control ? { cache_control: control } : {}) } as Marked;
}
