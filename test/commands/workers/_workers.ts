/** The processes behind a daemon that has workers. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import type { Daemon } from "../../tools/daemon.ts";
import { exchangeRaw } from "../../tools/raw.ts";
import { openStream, type StreamClient } from "../../tools/stream-client.ts";
import { hello } from "../_daemon.ts";

/** Processes share a port there alone. */
export const LINUX = { skip: process.platform !== "linux" };

/** The fields of a process behind its name, from its state on; none for one that is gone. */
function statOf(pid: string): readonly string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}

/** The process ids of the workers. */
export function workersOf({ child }: Daemon): number[] {
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return all.filter((pid) => statOf(pid)[1] === `${child.pid}` && statOf(pid)[0] !== "Z").map(Number);
}

/** Waits until something is so. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (await condition()) return;
    await pause(25);
  }
  assert.fail("Waited in vain");
}

/** Waits until processes are gone; a parent that does not look after its dead does not count. */
export function gone(pids: readonly number[]): Promise<void> {
  return until(() => pids.every((pid) => [undefined, "Z"].includes(statOf(`${pid}`)[0])));
}

/** Waits until nobody listens on a port. */
export function closed(port: number): Promise<void> {
  return until(() =>
    new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.destroy();
        resolve(false);
      });
      socket.on("error", () => resolve(true));
    })
  );
}

/** So many that each of two workers gets some: that one of them gets none happens once in half a million times. */
export const MANY = 20;

/** Many streams, each on a connection of its own; their first words are there. */
export async function openStreams(port: number, words: number, count = MANY): Promise<StreamClient[]> {
  const body = hello("gpt-5", true, `Hello in ${words} words`);
  const streams = await Promise.all(Array.from({ length: count }, () => openStream({ port, body })));
  await Promise.all(streams.map((stream) => stream.until(/"content":/)));
  return streams;
}

/** What many connections find when they ask for the models. */
export async function modelsEverywhere(port: number): Promise<Set<string>> {
  const replies = await Promise.all(
    Array.from(
      { length: MANY },
      () => exchangeRaw(port, { path: "/v1/models", headers: { "x-user": "ann" } }),
    ),
  );
  return new Set(replies.map((reply) => reply.json().data.map(({ id }: { id: string }) => id).join()));
}

/** How often a daemon said something. */
export function times({ stderr }: Daemon, pattern: RegExp): number {
  return stderr().match(pattern)?.length ?? 0;
}
