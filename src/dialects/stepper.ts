import { append } from "../append.ts";

/** A stage of a stream with no promise in it: what comes in gives what goes out, at once and in order. */
export interface Stepper<In, Out> {
  push(input: In): Out[];
  /** No input comes any more; gives what was still held. Called once. */
  end(): Out[];
}

/** Two stages as one. */
export function pipe<In, Middle, Out>(
  first: Stepper<In, Middle>,
  second: Stepper<Middle, Out>,
): Stepper<In, Out> {
  const through = (items: Middle[]) => items.flatMap((item) => second.push(item));
  return {
    push: (input) => through(first.push(input)),
    end: () => [...through(first.end()), ...second.end()],
  };
}

/** All that a stage gives for a whole stream. */
export function run<In, Out>(stepper: Stepper<In, Out>, inputs: Iterable<In>): Out[] {
  const outputs: Out[] = [];
  for (const input of inputs) append(outputs, stepper.push(input));
  append(outputs, stepper.end());
  return outputs;
}
