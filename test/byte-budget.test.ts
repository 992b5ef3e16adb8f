import assert from "node:assert/strict";
import { test } from "node:test";
import { createByteBudget } from "../src/byte-budget.ts";
import { GatewayError } from "../src/errors.ts";

function refused(take: () => unknown): GatewayError {
  try {
    take();
  } catch (thrown) {
    assert(thrown instanceof GatewayError);
    return thrown;
  }
  assert.fail("Was taken");
}

test("all bodies together have a limit, and what is given back can be taken again", () => {
  const budget = createByteBudget(() => 0, 100);
  const back = budget.take("ann", 60);
  budget.take("bob", 40);
  const { code, retryAfter } = refused(() => budget.take("eve", 1));
  assert.deepEqual([code, retryAfter], ["overloaded", 1]);
  back();
  back();
  budget.take("eve", 60);
  assert.equal(refused(() => budget.take("eve", 1)).code, "overloaded");
});

test("one user cannot take it all", () => {
  const budget = createByteBudget(() => 0.99, 128);
  for (const bytes of [32, 32, 32]) budget.take("ann", bytes);
  const { message, retryAfter, status } = refused(() => budget.take("ann", 1));
  assert.deepEqual([status, retryAfter], [503, 3]);
  assert.match(message, /of this user/);
  budget.take("bob", 32);
});

test("users that hold nothing are not kept", () => {
  const budget = createByteBudget(() => 0, 100);
  for (let count = 0; count < 1_000; count++) {
    budget.take(`user ${count}`, 10)();
    // A body of length 0 announces nothing, and holds nothing.
    budget.take(`user ${count}`, 0);
  }
  assert.equal(budget.users, 0);
});
