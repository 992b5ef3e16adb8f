/** What a body is, told by how it begins: content types of providers are misspelt, missing or wrong. */

export interface Beginning {
  /** `nothing`: the body ended, or broke, before anything was there. */
  readonly kind: "events" | "json" | "other" | "nothing";
  /** The whole of the body but for the blanks and the byte order mark that it begins with; throws what the body throws. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Fields of an event (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream). */
const FIELDS = ["data", "event", "id", "retry"] as const;
const LONGEST_FIELD = 5;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const COLON = 0x3a;

/**
 * Reads as much of a body as tells what it is: past blanks, a few bytes. What it had to read is kept, blanks are not,
 * so that a body of blanks takes no memory. A body that breaks throws when it is read further.
 * @param came told how many bytes a piece has; what it throws ends the reading
 */
export async function beginningOf(
  body: AsyncIterable<Uint8Array>,
  came: (bytes: number) => void,
): Promise<Beginning> {
  const bytes = body[Symbol.asyncIterator]();
  let seen: Uint8Array = new Uint8Array(0);
  for (;;) {
    let piece: IteratorResult<Uint8Array>;
    try {
      piece = await bytes.next();
    } catch (thrown) {
      return { kind: kindOf(seen, true) ?? "nothing", body: resumed(seen, broken(thrown)) };
    }
    if (!piece.done) {
      came(piece.value.length);
      seen = withoutBlanks(seen.length === 0 ? piece.value : joined(seen, piece.value));
    }
    const kind = kindOf(seen, piece.done ?? false);
    if (kind) return { kind, body: resumed(seen, bytes) };
  }
}

/** Undefined while more of the body is needed to tell. */
function kindOf(bytes: Uint8Array, final: boolean): Beginning["kind"] | undefined {
  // One byte tells nearly always.
  switch (bytes[0]) {
    case undefined:
      return final ? "nothing" : undefined;
    case OPEN_BRACE:
    case OPEN_BRACKET:
      return "json";
    case COLON:
      return "events";
  }
  const text = Array.from(bytes.subarray(0, LONGEST_FIELD), (byte) => String.fromCharCode(byte)).join("");
  if (FIELDS.some((field) => text.startsWith(field))) return "events";
  return !final && isBegun(text, bytes) ? undefined : "other";
}

/** Whether the text may still become a field's name, or the bytes a byte order mark. */
function isBegun(text: string, bytes: Uint8Array): boolean {
  return FIELDS.some((field) => field.startsWith(text)) ||
    (bytes.length < MARK.length && bytes.every((byte, index) => byte === MARK[index]));
}

/** The byte order mark in UTF-8. */
const MARK = [0xef, 0xbb, 0xbf] as const;

function withoutBlanks(bytes: Uint8Array): Uint8Array {
  let at = bytes[0] === MARK[0] && bytes[1] === MARK[1] && bytes[2] === MARK[2] ? MARK.length : 0;
  while (isBlank(bytes[at])) at++;
  return at === 0 ? bytes : bytes.subarray(at);
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x0a || byte === 0x0d || byte === 0x20 || byte === 0x09;
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

function resumed(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncIterableIterator<Uint8Array> {
  let begun = first.length === 0;
  return {
    next: () => {
      if (begun) return rest.next();
      begun = true;
      return Promise.resolve({ done: false, value: first });
    },
    return: async () => await rest.return?.() ?? { done: true, value: undefined },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

function broken(thrown: unknown): AsyncIterator<Uint8Array> {
  return { next: () => Promise.reject(thrown) };
}
