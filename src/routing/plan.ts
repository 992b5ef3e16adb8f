/** Which targets a request tries, in order. */

import type { Route, Target } from "../access/policy.ts";
import type { Health } from "./health.ts";

export interface Plan {
  /** At least one. */
  readonly targets: readonly Target[];
  /** Left out because they cool down. */
  readonly passedOver: readonly Target[];
}

/**
 * The targets of a route that are worth a try. Those that cool down are passed over, but the last one of the route
 * never is; when all cool down, the one that is ready soonest is tried before it.
 * @param user who asks
 * @param now milliseconds of the clock that `health` was told
 */
export function plan({ targets }: Route, health: Pick<Health, "readyAt">, now: number, user: string): Plan {
  const due = targets.map((target) => health.readyAt(target, now, user));
  if (due.every((at) => at <= now)) return { targets, passedOver: [] };
  const latest = Math.max(now, Math.min(...due));
  const soonest = due.findIndex((at) => at <= latest);
  const wanted = (index: number) =>
    index === targets.length - 1 || index === soonest || (due[index] ?? now) <= now;
  return {
    targets: targets.filter((_, index) => wanted(index)),
    passedOver: targets.filter((_, index) => !wanted(index)),
  };
}
