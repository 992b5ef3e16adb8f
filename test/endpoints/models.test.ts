import { deepEqual, equal, throws } from "node:assert/strict";
import { test } from "node:test";
import { listModels, showModel } from "../../src/endpoints/models.ts";
import { policyOf, routeOf, targetOf } from "../tools/targets.ts";

const ROUTES = [routeOf("one/gpt-5", "two/sonnet"), {
  requested: "org/qwen 3",
  targets: [targetOf("local/q")],
}];
const POLICY = policyOf("user-a", ROUTES);
const USER = { user: "user-a" };

const shown = (id: string, owner: string) => ({
  id,
  object: "model",
  type: "model",
  display_name: id,
  owned_by: owner,
  created: 0,
  created_at: "1970-01-01T00:00:00Z",
});

test("the list has the models that the user may ask for, in the shape of both APIs", () => {
  deepEqual(listModels(POLICY, USER), {
    object: "list",
    data: [shown("gpt-5", "one"), shown("org/qwen 3", "local")],
    has_more: false,
    first_id: "gpt-5",
    last_id: "org/qwen 3",
  });
});

test("a user without models, or none that is known, has an empty list", () => {
  for (const user of ["nobody", "__proto__", "constructor"]) {
    deepEqual(listModels(POLICY, { user }), {
      object: "list",
      data: [],
      has_more: false,
      first_id: null,
      last_id: null,
    });
  }
});

test("a model is found by its name in the path, encoded or not", () => {
  deepEqual(showModel(POLICY, USER, "gpt-5"), shown("gpt-5", "one"));
  for (const name of ["org%2Fqwen%203", "org/qwen%203"]) {
    deepEqual(showModel(POLICY, USER, name), shown("org/qwen 3", "local"));
  }
});

test("a model that is not there and one that is not the user's are refused alike", () => {
  const refusals = [
    ["user-a", "sonnet"],
    ["user-a", "nothing"],
    ["user-a", "%"],
    ["user-a", "GPT-5"],
    ["user-a", "__proto__"],
    ["user-a", ""],
    ["nobody", "gpt-5"],
  ] as const;
  for (const [user, name] of refusals) {
    throws(() => showModel(POLICY, { user }, name), {
      code: "model_not_found",
      status: 404,
      param: "model",
      message: `The model '${name}' was not found or is not accessible to this user`,
    });
  }
  equal(POLICY.models.has("sonnet"), true);
});
