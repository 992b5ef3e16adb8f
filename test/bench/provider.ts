/**
 * The provider in a process of its own: whole answers after a delay, and paced streams, one write for each event.
 * `node test/bench/provider.ts PORT`
 */

import { createServer, type ServerResponse } from "node:http";
import process from "node:process";
import { answerBody, type StreamBody, streamBody } from "./bodies.ts";
import { pathOf, type Place, placeOf, SIZES, type Wire } from "./places.ts";

const answers = new Map<string, Uint8Array>();
const server = createServer({ noDelay: true, keepAliveTimeout: 120_000 }, (request, response) => {
  const target = request.url ?? "";
  const place = placeOf(target);
  const wire: Wire = target.endsWith("/messages") ? "anthropic-messages" : "openai-chat";
  request.resume();
  request.on("end", () => {
    if (!place) response.writeHead(404).end();
    else if (place.kind === "plain") setTimeout(whole, place.delay, response, wire, place);
    else begin(response, streamBody(wire), place);
  });
});
server.listen(Number(process.argv[2]), "127.0.0.1", 4096);

function whole(response: ServerResponse, wire: Wire, place: Extract<Place, { kind: "plain" }>): void {
  const key = `${wire} ${pathOf(place)}`;
  const body = answers.get(key) ?? new TextEncoder().encode(answerBody(wire, SIZES[place.size]));
  answers.set(key, body);
  response.writeHead(200, { "content-type": "application/json", "content-length": body.length });
  response.end(body);
}

/** Streams of one pace share a clock of a millisecond and write in turn, not all in one burst. */
interface Running {
  readonly response: ServerResponse;
  readonly body: StreamBody;
  readonly pace: number;
  left: number;
  due: number;
}

const running = new Set<Running>();
let ticking: ReturnType<typeof setInterval> | undefined;

function begin(
  response: ServerResponse,
  body: StreamBody,
  { events, pace }: Extract<Place, { kind: "stream" }>,
): void {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
  response.write(body.first);
  response.write(body.each);
  const stream: Running = { response, body, pace, left: events - 1, due: performance.now() + pace };
  running.add(stream);
  response.on("close", () => running.delete(stream));
  ticking ??= setInterval(tick, 1);
}

function tick(): void {
  const now = performance.now();
  for (const stream of running) {
    if (stream.due > now) continue;
    stream.due += stream.pace;
    if (stream.left-- > 0) stream.response.write(stream.body.each);
    else {
      running.delete(stream);
      stream.response.end(stream.body.last);
    }
  }
  if (running.size > 0) return;
  clearInterval(ticking);
  ticking = undefined;
}
