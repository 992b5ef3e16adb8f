/** The workers of a supervisor: all started, each replaced when it is lost, all told the same. */

import type { AppLog } from "../../services.ts";
import { FAILED, stop } from "../args.ts";
import { later, pause, type Reason } from "../drain.ts";
import type { Configuration, FromWorker, StartOrder, ToWorker } from "./messages.ts";
import { startWorker, type WorkerEnd, type WorkerOptions, type WorkerProcess } from "./process.ts";
import { restartAfter } from "./restart.ts";

export interface CrewOptions extends Pick<WorkerOptions, "env" | "access" | "say"> {
  readonly workers: number;
  readonly order: StartOrder;
  readonly log: AppLog;
}

export interface Crew {
  /** The URL, once all listen; rejects with a Stop when one of them ends before that. */
  readonly listening: Promise<string>;
  /** Has all use another configuration, and those that are started from now on; resolves when they do, or take too long. */
  configure(configuration: Configuration): Promise<void>;
  /** Tells all to drain. Resolves when none is left, to whether all of them ended well. */
  drain(reason: Reason): Promise<boolean>;
  /** The same at once. */
  end(): Promise<boolean>;
  /** For those that do not hear. */
  kill(): void;
}

/** A place that is always to be filled. */
interface Post {
  readonly number: number;
  member: Member | undefined;
  shortLives: number;
}

interface Member {
  readonly process: WorkerProcess;
  readonly began: number;
  /** It was told to start, and hears of what changes after that. */
  started: boolean;
  listens: boolean;
  failure: string | undefined;
  /** Who waits for it to use a configuration, in the order of the configurations. */
  readonly waiting: (() => void)[];
}

/** Seconds; a signal to all processes of a service may reach a worker before its supervisor. */
const SIGNAL_SPREAD = 1;
/** How long a reload waits for a worker that does not answer, and longer for a configuration that takes longer. */
const CONFIGURING_MS = 5_000;
const CHARACTERS_A_MS = 200;

/** Characters of a configuration in one message. */
const PIECE = 256 * 1024;

/** Starts the workers, and goes on to until they are told to drain or to end. */
export function startCrew({ workers, order, log, ...options }: CrewOptions): Crew {
  const posts = Array.from({ length: workers }, (_, index): Post => ({
    number: index + 1,
    member: undefined,
    shortLives: 0,
  }));
  const members = new Set<Member>();
  const timers = new Set<ReturnType<typeof setTimeout>>();
  let configuration: Configuration = { text: order.text, keys: order.keys };
  let complete = false;
  let ending = false;
  let allWell = true;
  let listen = (_url: string) => {};
  let fail = (_why: unknown) => {};
  const listening = new Promise<string>((resolve, reject) => [listen, fail] = [resolve, reject]);
  const gone = later<boolean>();

  const hire = (post: Post) => {
    const member: Member = {
      process: startWorker({
        ...options,
        number: post.number,
        format: order.serving.format,
        onMessage: (message) => heard(post, member, message),
        onEnd: (end) => ended(post, member, end),
      }),
      began: performance.now(),
      started: false,
      listens: false,
      failure: undefined,
      waiting: [],
    };
    members.add(member);
    post.member = member;
  };

  const heard = (post: Post, member: Member, message: FromWorker): void => {
    switch (message.kind) {
      case "ready":
        if (ending) return member.process.tell({ kind: "end" });
        member.started = true;
        return member.process.tell({ ...order, ...configuration });
      case "listening":
        member.listens = true;
        if (complete) {
          const again = `Worker ${post.number} listens again (process ${member.process.pid})`;
          return log.info(again, "worker_back");
        }
        complete = posts.every((each) => each.member?.listens);
        return complete ? listen(message.url) : undefined;
      case "failed":
        member.failure = message.message;
        return;
      case "configured":
        return member.waiting.shift()?.();
      case "leaving": {
        // It serves on for longer than that after a signal, and not at all after a fault.
        const seconds = message.reason === "fault" ? 0 : SIGNAL_SPREAD;
        return after(seconds, () => lose(post, member, `drains after ${message.reason}`));
      }
    }
  };

  const ended = (post: Post, member: Member, { how, well }: WorkerEnd) => {
    members.delete(member);
    member.waiting.forEach((done) => done());
    lose(post, member, member.failure ?? how);
    allWell &&= well || !ending;
    if (ending && members.size === 0) gone.resolve(allWell);
  };

  const lose = (post: Post, member: Member, why: string) => {
    if (ending || post.member !== member) return;
    post.member = undefined;
    if (!complete) return fail(stop(FAILED, member.failure ?? `Worker ${post.number} ${why}`));
    const { pause, shortLives } = restartAfter(post.shortLives, (performance.now() - member.began) / 1000);
    post.shortLives = shortLives;
    const when = pause === 0 ? "at once" : `in ${pause} s`;
    const lost = `Worker ${post.number} (process ${member.process.pid}) ${why}: started again ${when}`;
    log.error(lost, undefined, "worker_lost");
    after(pause, () => hire(post));
  };

  const after = (seconds: number, act: () => void) => {
    if (seconds === 0) return act();
    const timer = setTimeout(() => {
      timers.delete(timer);
      act();
    }, seconds * 1000);
    timers.add(timer);
  };

  const tellAll = (message: ToWorker) => members.forEach(({ process }) => process.tell(message));
  const finish = (message: ToWorker) => {
    ending = true;
    timers.forEach((timer) => clearTimeout(timer));
    tellAll(message);
    if (members.size === 0) gone.resolve(allWell);
    return gone.promise;
  };

  posts.forEach(hire);
  return {
    listening,
    configure: async (next) => {
      configuration = next;
      const hearing = Array.from(members).filter(({ started }) => started);
      for (let at = 0; at < next.text.length; at += PIECE) {
        const text = next.text.slice(at, at + PIECE);
        hearing.forEach(({ process }) => process.tell({ kind: "piece", text }));
        await pause(0);
      }
      const taken = hearing.map(({ waiting }) => new Promise<void>((resolve) => void waiting.push(resolve)));
      hearing.forEach(({ process }) => process.tell({ kind: "configuration", keys: next.keys }));
      const longest = CONFIGURING_MS + next.text.length / CHARACTERS_A_MS;
      const allTook = await Promise.race([Promise.all(taken).then(() => true), pause(longest)]);
      if (!allTook) {
        log.warn("A worker does not answer, and may still use the configuration before", "configuration");
      }
    },
    drain: (reason) => finish({ kind: "drain", reason }),
    end: () => finish({ kind: "end" }),
    kill: () => members.forEach(({ process }) => process.kill()),
  };
}
