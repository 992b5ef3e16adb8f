/** Faults of the connection and of time: nothing comes, it comes late, or it breaks. */

import { begin, breakOff, type Exchange, framesOf, give, reply, untilOver, wait } from "./exchange.ts";
import type { Fault } from "./fault.ts";

export const CONNECTION_FAULTS: Readonly<Record<string, Fault>> = {
  reset: { about: "TCP reset before the headers", play: (exchange) => breakOff(exchange, "reset") },
  close: { about: "connection closed before the headers", play: (exchange) => breakOff(exchange) },
  silent: { about: "accepts and never answers", play: untilOver },
  "headers-silent": { about: "headers, then silence", play: headersOnly },
  slow: { about: "nothing at all for N seconds (3), then healthy", play: slow },
  late: { about: "headers at once, the answer after N seconds (20)", play: late },
  redirect: { about: "307 to the other provider", play: redirect },
  "header-flood": { about: "N KiB (128) of response headers", play: floodHeaders },
  "1xx": { about: "N (100) interim answers before a healthy one", play: interim },
  "keepalive-close": {
    about: "healthy, then the idle connection is closed after N ms (1) without a word",
    play: closeIdle,
  },
};

async function headersOnly(exchange: Exchange): Promise<void> {
  begin(exchange, 200);
  await untilOver(exchange);
}

async function slow(exchange: Exchange, seconds = 3): Promise<void> {
  await wait(exchange, seconds * 1000);
  await give(exchange, framesOf(exchange));
}

async function late(exchange: Exchange, seconds = 20): Promise<void> {
  begin(exchange, 200);
  await slow(exchange, seconds);
}

function redirect(exchange: Exchange): void {
  reply(exchange, 307, "", { location: `${exchange.elsewhere}/redirected` });
}

async function floodHeaders(exchange: Exchange, kibibytes = 128): Promise<void> {
  const flood = Array.from({ length: kibibytes }, (_, index) => [`x-flood-${index}`, "f".repeat(1000)]);
  await give(exchange, framesOf(exchange), Object.fromEntries(flood));
}

async function interim(exchange: Exchange, count = 100): Promise<void> {
  exchange.socket.write("HTTP/1.1 102 Processing\r\n\r\n".repeat(count));
  await give(exchange, framesOf(exchange));
}

async function closeIdle(exchange: Exchange, milliseconds = 1): Promise<void> {
  const { response, socket } = exchange;
  response.once("finish", () => socket.setTimeout(Math.max(milliseconds, 1), () => socket.destroy()));
  await give(exchange, framesOf(exchange));
}
