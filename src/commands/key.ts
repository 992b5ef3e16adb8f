/** `ai-proxy key`: makes a client's key. It is printed once; only its hash is for keeping. */

import { randomBytes } from "node:crypto";
import type { ParsedArgs } from "citty";
import { hashOf, makeKey, parseExpiry } from "../access/keys.ts";
import { checkName } from "../config/check-name.ts";
import { command, FAILED, stop, USAGE } from "./args.ts";
import { createLog, type Io, type Output } from "./io.ts";

const ARGS = {
  name: { type: "string", description: "What the key is called in logs", valueHint: "NAME" },
  expires: {
    type: "string",
    description: "The day (UTC) from which on it is refused: 2027-01-01, or 2027-01-01T12:00:00Z",
    valueHint: "DATE",
  },
} as const;

export default command(ARGS, printKey);

async function printKey({ name, expires }: ParsedArgs<typeof ARGS>, io: Io): Promise<number> {
  checkArgs(name, expires, io.now());
  const key = makeKey(randomBytes(32));
  const entry = {
    hash: hashOf(key),
    ...(name === undefined ? {} : { name }),
    ...(expires === undefined ? {} : { expires }),
  };
  await written(io.stdout, `${key}\n${JSON.stringify(entry)}\n`);
  createLog(io).log(
    "The first line is the key, shown this once: give it to its user. The second goes into users.NAME.keys",
  );
  return 0;
}

/** @throws Stop when the text has not arrived: nobody has the key then, though one was made */
async function written(output: Output, text: string): Promise<void> {
  const error = await new Promise<Error | null | undefined>((resolve) => output.write(text, resolve));
  if (error) throw stop(FAILED, `The key could not be written, and is lost: ${error.message}`);
}

function checkArgs(name: string | undefined, expires: string | undefined, now: number): void {
  const [unfit] = name === undefined ? [] : checkName([], name);
  if (unfit) throw stop(USAGE, `The flag --name: ${unfit.message}`);
  if (expires === undefined) return;
  const at = parseExpiry(expires);
  if (at === undefined) {
    throw stop(USAGE, `The flag --expires takes a date such as 2027-01-01, not ${JSON.stringify(expires)}`);
  }
  if (at <= now) throw stop(USAGE, `The flag --expires: ${JSON.stringify(expires)} is past`);
}
