import { deepEqual, equal, match } from "node:assert/strict";
import { test } from "node:test";
import { renameMembers, renameProperties, renamesOf } from "../../src/dialects/property-names.ts";
import type { JsonObject } from "../../src/json.ts";

const RULE = { accepted: /^[a-z_]{1,64}$/, refused: /[^a-z_]/g };
const text: JsonObject = { type: "string" };

const SCHEMA: JsonObject = {
  type: "object",
  properties: {
    fine: text,
    "filter[id]": { type: "string", description: "Which" },
    deep: { type: "array", items: { anyOf: [{ type: "object", properties: { $top: text } }] } },
  },
  required: ["fine", "filter[id]"],
  dependentRequired: { "filter[id]": ["fine"], fine: ["filter[id]"] },
  dependentSchemas: { "filter[id]": { required: ["filter[id]"] } },
  default: { "filter[id]": 1 },
};

test("the names that are refused are found wherever they stand, and no others", () => {
  const renames = renamesOf(SCHEMA, RULE);
  deepEqual([...renames.keys()], ["filter[id]", "$top"]);
  for (const other of renames.values()) match(other, /^[a-z_]+_[0-9a-f]{8}$/);
  deepEqual(renamesOf({ enum: [{ properties: { "a b": 1 } }] }, RULE).size, 0);
});

test("two long names that begin alike stay two", () => {
  const names = ["x".repeat(70) + "a", "x".repeat(70) + "b"];
  const renames = renamesOf({ properties: { [names[0]!]: text, [names[1]!]: text } }, RULE);
  equal(new Set(renames.values()).size, 2);
  for (const other of renames.values()) equal(other.length <= 64, true);
});

test("a schema is renamed in all that speaks of its properties", () => {
  const renames = new Map([["filter[id]", "F"], ["$top", "T"]]);
  deepEqual(renameProperties(SCHEMA, renames), {
    type: "object",
    properties: {
      fine: text,
      F: { type: "string", description: "Which\nStands for the property 'filter[id]'." },
      deep: {
        type: "array",
        items: {
          anyOf: [{
            type: "object",
            properties: { T: { type: "string", description: "Stands for the property '$top'." } },
          }],
        },
      },
    },
    required: ["fine", "F"],
    dependentRequired: { F: ["fine"], fine: ["F"] },
    dependentSchemas: { F: { required: ["F"] } },
    default: { "filter[id]": 1 },
  });
});

test("a reference through a renamed property leads where it led", () => {
  const renames = new Map([["a/b", "A"]]);
  const schema = {
    properties: { "a/b": text, c: { $ref: "#/properties/a~1b" }, d: { $ref: "#/$defs/a~1b" } },
  };
  deepEqual(renameProperties(schema, renames).properties, {
    A: { type: "string", description: "Stands for the property 'a/b'." },
    c: { $ref: "#/properties/A" },
    d: { $ref: "#/$defs/a~1b" },
  });
});

test("arguments are renamed and nothing else in them", () => {
  const value = JSON.parse('{"$top":[{"$top":"$top"}],"__proto__":null}');
  equal(
    JSON.stringify(renameMembers(value, new Map([["$top", "T"]]))),
    '{"T":[{"T":"$top"}],"__proto__":null}',
  );
});
