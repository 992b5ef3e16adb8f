/** A client that does what no SDK would: sends raw bytes, reads when it wants to, and leaves at any moment. */

import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import { until } from "../tools/proxy.ts";

export interface Client {
  readonly socket: Socket;
  /** What came so far. */
  text(): string;
  write(data: string | Uint8Array): void;
  /** Waits until what came contains a text; fails if it never does. */
  sees(text: string): Promise<void>;
  /** Resolves when the connection is gone. */
  closed(): Promise<void>;
  /** Breaks the connection. */
  leave(): void;
}

export async function connectTo(port: number): Promise<Client> {
  const socket = connect(port, "127.0.0.1");
  const pieces: Buffer[] = [];
  let gone = false;
  const checks = new Set<() => void>();
  const check = () => checks.forEach((one) => one());
  const text = () => Buffer.concat(pieces).toString("utf8");
  socket.on("data", (piece: Buffer) => {
    pieces.push(piece);
    check();
  });
  // A refused client is often cut off while it still writes: that is what most tests here are about.
  socket.on("error", () => {});
  socket.on("close", () => {
    gone = true;
    check();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  return {
    socket,
    text,
    write: (data) => void socket.write(data),
    sees: (wanted) => until(() => text().includes(wanted), checks),
    closed: () => until(() => gone, checks),
    leave: () => socket.destroy(),
  };
}

/** The bytes of a POST with a JSON body. */
export function posted(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): string {
  const text = JSON.stringify(body);
  const lines = Object.entries({
    host: "proxy.test",
    "content-type": "application/json",
    "content-length": `${Buffer.byteLength(text)}`,
    "x-user": "ann",
    ...headers,
  }).map(([name, value]) => `${name}: ${value}`);
  return `POST ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n${text}`;
}

export function portOf(url: string): number {
  return Number(new URL(url).port);
}
