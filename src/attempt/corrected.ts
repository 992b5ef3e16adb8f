/** A request that was refused for something that it can do without goes once more, and its refusal is remembered. */

import type { Target } from "../access/policy.ts";
import type { Prepared } from "../dialects/bridge.ts";
import type { Correction } from "../dialects/dialect.ts";
import { GatewayError } from "../errors.ts";
import type { Learned } from "./learned.ts";

/**
 * Sends a request, and once more where its refusal taught how: nothing had been answered, and it is another request
 * than the one refused. A lesson is kept if the request without it got further: a refusal that comes again was about
 * something else, whatever its words were.
 * @param ready the request for the target, without what was refused
 */
export async function sendCorrected<Answer>(
  target: Target,
  ready: (refused: readonly string[]) => Prepared | Promise<Prepared>,
  send: (prepared: Prepared) => Promise<Answer>,
  learned: Learned,
): Promise<Answer> {
  const readied = ready([]);
  const prepared = readied instanceof Promise ? await readied : readied;
  const taught = (thrown: unknown, by: Prepared) =>
    thrown instanceof GatewayError ? by.correct(thrown) : undefined;
  try {
    return await send(prepared);
  } catch (thrown) {
    const lesson = taught(thrown, prepared);
    if (!lesson) throw thrown;
    const again = await ready(lesson.refuses);
    try {
      const answer = await send(again);
      keep(lesson, target, learned);
      return answer;
    } catch (second) {
      // The next fault of the same request shows that the first is gone.
      const next = taught(second, again);
      if (next) { for (const each of [lesson, next]) keep(each, target, learned); }
      throw second;
    }
  }
}

function keep({ refuses, once }: Correction, target: Target, learned: Learned): void {
  if (once) return;
  for (const name of refuses) learned.add(target, name);
}
