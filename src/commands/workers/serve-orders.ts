/** A worker: it serves, hears from its supervisor alone, and speaks through it. */

import process from "node:process";
import { loadPolicy } from "../../config/load.ts";
import type { SecretFile } from "../../config/secret-file.ts";
import type { AppLog } from "../../services.ts";
import { openAccessLog } from "../access-log.ts";
import { FAILED, isStop, stop, USAGE } from "../args.ts";
import { renderProblem } from "../check-config.ts";
import { type Ends, later, onFault, type Reason } from "../drain.ts";
import { createLog, type Io, processIo } from "../io.ts";
import { operatorLog } from "../operator-log.ts";
import { hearUserSignal } from "../user-signal.ts";
import { run } from "../run.ts";
import type { Configuration, FromWorker, StartOrder, ToWorker } from "./messages.ts";

/** Serves until it is told to end; gives the exit code. */
export async function serveOrders(): Promise<number> {
  const io = processIo();
  // The supervisor reads what it writes. When that is gone the channel closes too, and there is nobody left to tell.
  for (const output of [io.stdout, io.stderr]) output.on("error", () => {});
  const code = await main(io);
  if (process.connected) process.disconnect();
  return code;
}

async function main(io: Io): Promise<number> {
  if (!process.connected) {
    createLog(io).error("This is the program of a worker: start ai-proxy serve --workers NUMBER");
    return USAGE;
  }
  const [number, format] = process.argv.slice(2);
  const spoken = operatorLog(io, { format: format === "json" ? format : "combined", worker: Number(number) });
  // What goes well, the supervisor says once for all.
  const log: AppLog = { ...spoken, info: () => {} };
  const orders = hearOrders(log);
  tell({ kind: "ready" });
  const order = await orders.start;
  if (!order) return 0;
  try {
    return await serve(order, orders, log, io);
  } catch (thrown) {
    const why = isStop(thrown) || thrown instanceof Error ? thrown.message : String(thrown);
    if (isStop(thrown)) tell({ kind: "failed", message: why });
    else log.error("The worker fails", thrown, "fault");
    return FAILED;
  }
}

async function serve(order: StartOrder, orders: Orders, log: AppLog, io: Io): Promise<number> {
  const { serving } = order;
  // The supervisor has checked what it listens on, too.
  const load = () => {
    const { text, keys } = orders.configuration() ?? order;
    const readSecret = (path: string) => Promise.resolve(handed(keys[path]));
    return loadPolicy({ file: serving.file, text, env: io.env, now: io.now(), readSecret });
  };
  const { policy, problems } = await load();
  if (!policy) throw stop(FAILED, problems.map(renderProblem).join("; "));
  return await run({
    ...serving,
    shared: true,
    policy,
    load,
    access: openAccessLog(order.accessLog, io, log),
    log,
    reloadLog: { ...log, warn: () => {} },
    hear: ({ reload }) => {
      orders.onConfiguration(() => void reload().then(() => tell({ kind: "configured" })));
      return Promise.resolve(() => {});
    },
    ends: orders.ends,
    onListening: (url) => tell({ kind: "listening", url }),
  });
}

/** The supervisor reads the files of secrets, and says what is wrong with them. */
function handed(key: string | undefined): SecretFile {
  const read = key === undefined ? { failure: "the supervisor has no key of it" } : { text: key };
  return { read, exposed: "", replaceable: false };
}

function tell(message: FromWorker): void {
  // A supervisor that is gone needs not to be told.
  process.send?.(message, undefined, undefined, () => {});
}

interface Orders {
  /** Undefined when the end comes before it. */
  readonly start: Promise<StartOrder | undefined>;
  readonly ends: Ends;
  /** The one of the last order to change it. */
  configuration(): Configuration | undefined;
  /** Calls back for each order to change the configuration, those that came already included. */
  onConfiguration(callback: () => void): void;
}

/** Hears what the supervisor says, and takes its end for an order to end. */
function hearOrders(log: AppLog): Orders {
  const start = later<StartOrder>();
  const first = later<Reason>();
  const second = later<void>();
  let draining = false;
  let configuration: Configuration | undefined;
  let pieces: string[] = [];
  let missed = 0;
  let configure = (): void => void missed++;
  const begin = (reason: Reason) => {
    draining = true;
    first.resolve(reason);
  };
  const leave = (reason: Reason) => {
    if (!draining) tell({ kind: "leaving", reason });
    begin(reason);
  };
  process.on("message", (message: ToWorker) => {
    switch (message.kind) {
      case "start":
        return start.resolve(message);
      case "piece":
        return void pieces.push(message.text);
      case "configuration":
        configuration = { text: pieces.join(""), keys: message.keys };
        pieces = [];
        return configure();
      case "drain":
        return begin(message.reason);
      case "end":
        begin("SIGINT");
        return second.resolve();
    }
  });
  // Who comes next needs the port: there is no delay.
  process.on("disconnect", () => begin("SIGINT"));
  // A terminal, or a service manager, sends signals to all processes; the supervisor passes on what it makes of them.
  for (const name of ["SIGINT", "SIGHUP"] as const) process.on(name, () => {});
  hearUserSignal(() => {}, log);
  process.on("SIGTERM", () => leave("SIGTERM"));
  onFault(log, () => {
    if (draining) second.resolve();
    leave("fault");
  });
  return {
    start: Promise.race([start.promise, first.promise.then(() => undefined)]),
    ends: { first: first.promise, second: second.promise },
    configuration: () => configuration,
    onConfiguration: (callback) => {
      configure = callback;
      for (; missed > 0; missed--) callback();
    },
  };
}
