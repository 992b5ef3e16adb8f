/** A credential that prints as `[redacted]` wherever it is printed; only `reveal` gives its text. */
export interface Secret {
  reveal(): string;
}

/** Wraps a credential so that no log, error or dump can show it by accident. */
export function secret(text: string): Secret {
  const redacted = () => "[redacted]";
  return Object.defineProperties({ reveal: () => text }, {
    toString: { value: redacted },
    toJSON: { value: redacted },
    [Symbol.for("nodejs.util.inspect.custom")]: { value: redacted },
    [Symbol.for("Deno.customInspect")]: { value: redacted },
  });
}
