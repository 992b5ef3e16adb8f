/**
 * A TCP connection to a host that may have several addresses. They are tried one after the other, each a moment after
 * the one before and none given up for the next, and the first that answers is taken (RFC 8305): an address that is dead
 * costs a moment, one that is slow has all the time there is.
 */

import { lookup as systemLookup } from "node:dns";
import { connect, isIP, type Socket } from "node:net";

export interface Address {
  readonly address: string;
  readonly family: number;
}

/** A name's addresses, the ones that the system prefers first. */
export type Lookup = (name: string) => Promise<readonly Address[]>;

export interface Reaching {
  readonly host: string;
  readonly port: number;
  readonly lookup?: Lookup | undefined;
  /** Told of each socket when it is made. Whoever destroys it ends that try. */
  readonly opened: (socket: Socket) => void;
  /** True once nobody waits any more. */
  readonly over: () => boolean;
}

/** Between the beginnings of two tries (RFC 8305, 5). */
const NEXT_MS = 250;
/** A name with more addresses has enough of them in the first ones. */
const MOST_ADDRESSES = 16;

/** @throws the error of the system's of the most telling try */
export async function reach(reaching: Reaching): Promise<Socket> {
  const { host, lookup = usual } = reaching;
  const asItIs = [{ address: host, family: isIP(host) }];
  if (isIP(host) !== 0) return await first(asItIs, reaching);
  try {
    return await first(await lookup(host), reaching);
  } catch (thrown) {
    // Where Deno may connect to the name alone, it must find the addresses itself.
    if (isForbidden(thrown)) return await first(asItIs, reaching);
    throw thrown;
  }
}

function isForbidden(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  return thrown.name === "NotCapable" || ("code" in thrown && thrown.code === "EPERM");
}

/** The first connection that one of the addresses gives. */
async function first(found: readonly Address[], { host, port, opened, over }: Reaching): Promise<Socket> {
  const addresses = alternating(found).slice(0, MOST_ADDRESSES);
  const tries: Socket[] = [];
  const errors: Error[] = [];
  return await new Promise((resolve, reject) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const next = () => {
      clearTimeout(timer);
      const address = addresses[tries.length];
      if (over() || address === undefined) return;
      // What undici gives to sockets of its own making; the types do not know of it.
      const options = { host: address.address, port, highWaterMark: 64 * 1024 };
      const socket = connect(options);
      tries.push(socket);
      opened(socket);
      socket.once("connect", () => {
        clearTimeout(timer);
        for (const other of tries) if (other !== socket) other.destroy();
        socket.off("error", failed);
        resolve(socket);
      });
      const failed = (error: Error) => {
        errors.push(error);
        if (errors.length === addresses.length) reject(mostTelling(errors));
        else if (errors.length === tries.length) next();
      };
      socket.on("error", failed);
      timer = setTimeout(next, NEXT_MS);
    };
    if (addresses.length === 0) reject(noAddress(host));
    else next();
  });
}

/** The addresses of the other family between those of the first one's (RFC 8305, 4). */
function alternating(addresses: readonly Address[]): Address[] {
  const first = addresses.filter(({ family }) => family === addresses[0]?.family);
  const second = addresses.filter(({ family }) => family !== addresses[0]?.family);
  const pairs = addresses.map((_, index) => [first[index], second[index]]);
  return pairs.flat().filter((address) => address !== undefined);
}

/** That this machine has no way to one family says little when the other one was answered. */
function mostTelling(errors: readonly (Error & { code?: string })[]): Error {
  const answered = errors.find(({ code }) => !/UNREACH|EADDRNOTAVAIL|EAFNOSUPPORT/.test(code ?? ""));
  return answered ?? errors[0] ?? new Error("Not one address was tried");
}

function noAddress(host: string): Error {
  return Object.assign(new Error(`${host} has no address`), { code: "ENOTFOUND" });
}

const usual: Lookup = (name) =>
  new Promise((resolve, reject) => {
    systemLookup(name, { all: true }, (error, addresses) => error ? reject(error) : resolve(addresses));
  });
