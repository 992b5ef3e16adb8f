/**
 * The floor: what a relay costs on this runtime that does nothing else. A server, an upstream client, no JSON.
 * `node test/bench/relay.ts PORT FILES_ORIGIN PACED_ORIGIN`
 */

import { createServer } from "node:http";
import { Buffer } from "node:buffer";
import process from "node:process";
import { Agent, request } from "undici";
import { isFile, placeOf } from "./places.ts";

const [port, files = "", paced = ""] = process.argv.slice(2);
const dispatcher = new Agent({ connections: 16_384, headersTimeout: 0, bodyTimeout: 0 });

const server = createServer({ noDelay: true, keepAliveTimeout: 120_000 }, (incoming, outgoing) => {
  const pieces: Uint8Array[] = [];
  incoming.on("data", (piece: Uint8Array) => pieces.push(piece));
  incoming.on("end", async () => {
    const target = incoming.url ?? "";
    const place = placeOf(target);
    const origin = place && isFile(place) ? files : paced;
    try {
      const { statusCode, headers, body } = await request(origin + target, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: Buffer.concat(pieces),
        dispatcher,
      });
      const { "content-type": type, "content-length": length } = headers;
      outgoing.statusCode = statusCode;
      if (type) outgoing.setHeader("content-type", type);
      if (length) outgoing.setHeader("content-length", length);
      body.on("data", (piece: Uint8Array) => outgoing.write(piece));
      body.on("end", () => outgoing.end());
      body.on("error", () => outgoing.destroy());
      outgoing.on("close", () => body.destroy());
    } catch {
      outgoing.writeHead(502).end();
    }
  });
});
server.listen(Number(port), "127.0.0.1", 4096);
