/** A port that several processes share: the system spreads new connections over all that listen there. */

import { type AddressInfo, createServer, type Server } from "node:net";
import process from "node:process";

/**
 * Finds out whether a port is free and whether processes may share it. Nothing listens there afterwards.
 * @param port 0 for any free one
 * @returns the port, and why it cannot be shared if it cannot
 * @throws the system's error when the port cannot be listened on at all
 */
export async function findSharedPort(
  host: string,
  port: number,
): Promise<{ readonly port: number; readonly refusal: string | undefined }> {
  // Not shared, so that processes of somebody else that share the port are seen too.
  const alone = await open(host, port, false);
  const found = (alone.address() as AddressInfo).port;
  await close(alone);
  const shared = await canShare(host, found);
  const { platform, versions: { node, deno } } = process;
  return { port: found, refusal: sharingRefusal({ platform, node, deno, shared }) };
}

export interface Sharing {
  readonly platform: string;
  readonly node: string;
  readonly deno: string | undefined;
  /** Two could listen on one port at the same time. */
  readonly shared: boolean;
}

/** Why a port cannot be shared, undefined if it can. */
export function sharingRefusal({ platform, node, deno, shared }: Sharing): string | undefined {
  // Node lets two listen only where the system balances; Deno also where one of them would get it all.
  if (shared && (deno === undefined || platform === "linux")) return undefined;
  const here = `${deno === undefined ? `Node ${node}` : `Deno ${deno}`} on ${platform}`;
  return `processes share a port on Linux with Node 22.12 or later, or with Deno, and this is ${here}`;
}

/** By trying: older Nodes pass over the wish, and other systems refuse it. */
async function canShare(host: string, port: number): Promise<boolean> {
  const servers: Server[] = [];
  try {
    for (let count = 0; count < 2; count++) servers.push(await open(host, port, true));
    return true;
  } catch {
    return false;
  } finally {
    await Promise.all(servers.map(close));
  }
}

function open(host: string, port: number, reusePort: boolean): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, reusePort }, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => void server.close(() => resolve()));
}
