/** JSON changed at some places and nowhere else: in a value, or in a text whose other characters stay as they are. */

import { isObject, type Json, type JsonObject, stringifyJson, unescaped } from "./json.ts";
import { endOfString } from "./json-scan.ts";

/** A change at a place. */
export interface Edit {
  /** Keys and indexes from the outside in. An index behind the last item appends. */
  readonly path: readonly (string | number)[];
  /** What stands there from now on; undefined takes the member or the item out. */
  readonly value: Json | undefined;
}

/** A value with its edits; what no edit touches is the same object as before. */
export function editedObject(value: JsonObject, edits: readonly Edit[]): JsonObject {
  if (edits.length === 0) return value;
  const edited = editedValue(value, treeOf(edits));
  return isObject(edited) ? edited : value;
}

/**
 * A JSON text with its edits; every other character stays as it was. One walk, and only into what is edited.
 * @param text valid JSON
 */
export function editedText(text: string, edits: readonly Edit[]): string {
  if (edits.length === 0) return text;
  const start = behindSpace(text, 0);
  const { text: edited, end } = editText(text, start, treeOf(edits));
  return text.slice(0, start) + edited + text.slice(end);
}

/** Edits by place. */
type Tree = Map<string | number, Node>;
type Node = { readonly value: Json | undefined } | { readonly inner: Tree };

/** Where one edit stands inside of another's place, the outer one counts. */
function treeOf(edits: readonly Edit[]): Tree {
  const root: Tree = new Map();
  for (const { path, value } of edits) {
    const tree = innerTree(root, path);
    tree?.set(path.at(-1) ?? "", { value });
  }
  return root;
}

function innerTree(root: Tree, path: Edit["path"]): Tree | undefined {
  let tree = root;
  for (const step of path.slice(0, -1)) {
    const node: Node = tree.get(step) ?? { inner: new Map() };
    if (!("inner" in node)) return undefined;
    tree.set(step, node);
    tree = node.inner;
  }
  return tree;
}

function editedValue(value: Json | undefined, tree: Tree): Json | undefined {
  if (Array.isArray(value)) return editedItems(value, tree);
  if (!isObject(value)) return value;
  const kept: [string, Json | undefined][] = [];
  for (const [key, item] of Object.entries(value)) {
    const node = tree.get(key);
    const edited = node ? after(item, node) : item;
    if (edited !== undefined) kept.push([key, edited]);
  }
  for (const [key, node] of tree) {
    if (
      typeof key === "string" && !Object.hasOwn(value, key) && "value" in node && node.value !== undefined
    ) {
      kept.push([key, node.value]);
    }
  }
  return Object.fromEntries(kept);
}

function editedItems(items: readonly Json[], tree: Tree): Json {
  const kept: Json[] = [];
  items.forEach((item, at) => {
    const node = tree.get(at);
    const edited = node ? after(item, node) : item;
    if (edited !== undefined) kept.push(edited);
  });
  return [...kept, ...appended(tree, items.length)];
}

function after(item: Json | undefined, node: Node): Json | undefined {
  return "inner" in node ? editedValue(item, node.inner) : node.value;
}

function appended(tree: Tree, length: number): Json[] {
  const found: Json[] = [];
  for (const [key, node] of tree) {
    if (typeof key !== "number" || key < length || !("value" in node)) continue;
    if (node.value !== undefined) found.push(node.value);
  }
  return found;
}

interface Edited {
  readonly text: string;
  /** Where the value ended in the text that was given. */
  readonly end: number;
}

function editText(text: string, start: number, tree: Tree): Edited {
  const open = text[start];
  if (open !== "{" && open !== "[") {
    const end = endOfValue(text, start);
    return { text: text.slice(start, end), end };
  }
  const close = open === "{" ? "}" : "]";
  const seen = new Set<string | number>();
  const pieces = [open];
  let kept = 0;
  let at = start + 1;
  let count = 0;
  while (at < text.length) {
    const item = behindSpace(text, at);
    if (text[item] === close) break;
    let [key, valueStart]: [string | number, number] = [count++, item];
    if (open === "{") {
      const keyEnd = endOfString(text, item);
      key = unescaped(text.slice(item + 1, keyEnd - 1));
      valueStart = behindSpace(text, behindSpace(text, keyEnd) + 1);
    }
    seen.add(key);
    const { text: value, end } = editedPart(text, valueStart, tree.get(key));
    const next = behindSpace(text, end);
    if (value !== undefined) {
      pieces.push(kept++ > 0 ? "," : "", text.slice(at, valueStart), value, text.slice(end, next));
    }
    at = text[next] === "," ? next + 1 : next;
  }
  const closing = behindSpace(text, at);
  for (const [key, node] of tree) {
    if (seen.has(key) || !("value" in node) || node.value === undefined) continue;
    if ((typeof key === "string") !== (open === "{")) continue;
    const name = typeof key === "string" ? `${JSON.stringify(key)}:` : "";
    pieces.push(kept++ > 0 ? "," : "", name, stringifyJson(node.value));
  }
  pieces.push(text.slice(at, closing + 1));
  return { text: pieces.join(""), end: closing + 1 };
}

function editedPart(
  text: string,
  start: number,
  node: Node | undefined,
): { readonly text: string | undefined; readonly end: number } {
  if (node && "inner" in node) return editText(text, start, node.inner);
  const end = endOfValue(text, start);
  if (!node) return { text: text.slice(start, end), end };
  return { text: node.value === undefined ? undefined : stringifyJson(node.value), end };
}

const SPACE = /[ \t\n\r]*/y;
const PLAIN = /[^,\]} \t\n\r]*/y;
const MARK = /["{}[\]]/g;

function behindSpace(text: string, at: number): number {
  SPACE.lastIndex = at;
  SPACE.test(text);
  return SPACE.lastIndex;
}

/** The index just behind the value that begins at `start`. */
function endOfValue(text: string, start: number): number {
  const first = text[start];
  if (first === '"') return endOfString(text, start);
  if (first !== "{" && first !== "[") {
    PLAIN.lastIndex = start;
    PLAIN.test(text);
    return PLAIN.lastIndex;
  }
  let depth = 0;
  MARK.lastIndex = start;
  for (let mark = MARK.exec(text); mark; mark = MARK.exec(text)) {
    if (mark[0] === '"') MARK.lastIndex = endOfString(text, mark.index);
    else if (mark[0] === "{" || mark[0] === "[") depth++;
    else if (--depth === 0) return mark.index + 1;
  }
  return text.length;
}
