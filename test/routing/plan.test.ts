import { deepEqual, ok } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Target } from "../../src/access/policy.ts";
import { plan } from "../../src/routing/plan.ts";
import { routeOf } from "../tools/targets.ts";

const NOW = 1000;

/** A plan, by the names of the models, for instants at which the targets are ready. */
function planned(due: Readonly<Record<string, number>>): { targets: string[]; passedOver: string[] } {
  const route = routeOf(...Object.keys(due).map((model) => `one/${model}`));
  const readyAt = ({ model }: Target) => due[model] ?? NaN;
  const { targets, passedOver } = plan(route, { readyAt }, NOW, "ann");
  return { targets: targets.map(({ model }) => model), passedOver: passedOver.map(({ model }) => model) };
}

const CASES: readonly [string, Readonly<Record<string, number>>, string[], string[]][] = [
  ["targets that were never asked are tried in order", { a: -Infinity, b: -Infinity }, ["a", "b"], []],
  ["a target is ready at its instant", { a: NOW, b: NOW }, ["a", "b"], []],
  ["one that cools down is passed over while another is left", { a: NOW + 1, b: 0, c: 0 }, ["b", "c"], ["a"]],
  ["one in the middle too", { a: 0, b: NOW + 1, c: 0 }, ["a", "c"], ["b"]],
  ["the last one never is", { a: 0, b: NOW + 1 }, ["a", "b"], []],
  ["nor is the only one", { a: NOW + 5 }, ["a"], []],
  [
    "when all cool down, the one that is ready soonest is tried before the last",
    {
      a: NOW + 9,
      b: NOW + 5,
      c: NOW + 7,
      d: NOW + 8,
    },
    ["b", "d"],
    ["a", "c"],
  ],
  ["the last one alone where it is the soonest", { a: NOW + 9, b: NOW + 5 }, ["b"], ["a"]],
  ["the first of those that are ready equally soon", { a: NOW + 5, b: NOW + 5, c: NOW + 5 }, ["a", "c"], [
    "b",
  ]],
];

for (const [title, due, targets, passedOver] of CASES) {
  test(title, () => deepEqual(planned(due), { targets, passedOver }));
}

test("every plan has the last target, and each target once, in the route's order", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: NOW - 3, max: NOW + 3 }), { minLength: 1, maxLength: 6 }),
      (due) => {
        const names = due.map((_, index) => `m${index}`);
        const { targets, passedOver } = planned(
          Object.fromEntries(due.map((at, index) => [`m${index}`, at])),
        );
        ok(targets.includes(names.at(-1) ?? ""));
        deepEqual(names.filter((name) => targets.includes(name)), targets);
        deepEqual([...targets, ...passedOver].sort(), [...names].sort());
        due.forEach((at, index) => {
          if (at <= NOW) ok(targets.includes(`m${index}`));
        });
      },
    ),
  );
});
