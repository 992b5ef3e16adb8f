/** A client that reads an answer as it comes, for what happens in the middle of one. */

import { type Agent, request } from "node:http";

export interface StreamClient {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The body so far. */
  text(): string;
  /** Waits until the body so far matches; rejects when it ends without. */
  until(pattern: RegExp): Promise<void>;
  /** Resolves at the end with the whole body, and whether it broke off. */
  readonly ended: Promise<{ readonly text: string; readonly broken: boolean }>;
  /** Leaves. */
  leave(): void;
}

export interface StreamRequest {
  readonly port: number;
  readonly user?: string;
  readonly path?: string;
  readonly body: unknown;
  /** Beside the user's. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A connection of its own if absent. */
  readonly agent?: Agent;
}

/** Resolves when the head of the answer is there. */
export function openStream(asked: StreamRequest): Promise<StreamClient> {
  const { port, user = "ann", path = "/v1/chat/completions", body, headers, agent } = asked;
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: "127.0.0.1",
      port,
      path,
      method: "POST",
      headers: { "x-user": user, "content-type": "application/json", ...headers },
      agent: agent ?? false,
    });
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      let text = "";
      let over = false;
      const checks = new Set<() => void>();
      const ended = new Promise<{ text: string; broken: boolean }>((end) => {
        const done = (broken: boolean) => {
          over = true;
          checks.forEach((check) => check());
          end({ text, broken });
        };
        response.on("end", () => done(!response.complete));
        response.on("error", () => done(true));
      });
      response.setEncoding("utf8");
      response.on("data", (piece: string) => {
        text += piece;
        checks.forEach((check) => check());
      });
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers as StreamClient["headers"],
        text: () => text,
        until: (pattern) =>
          new Promise((found, failed) => {
            const check = () => {
              if (pattern.test(text)) found();
              else if (over) failed(new Error(`Ended without ${pattern}: ${text}`));
              else return;
              checks.delete(check);
            };
            checks.add(check);
            check();
          }),
        ended,
        leave: () => void outgoing.destroy(),
      });
    });
    outgoing.end(JSON.stringify(body));
  });
}
