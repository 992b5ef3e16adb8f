/** Opens connections to providers for undici: to a name's best address, through a forward proxy, with TLS, in time. */

import type { Socket } from "node:net";
import type { buildConnector } from "undici";
// @ts-ignore: undici's files have no types of their own, those of the package fit
import connectorOf from "undici/lib/core/connect.js";
import type { GatewayError } from "../errors.ts";
import type { Connections } from "./connections.ts";
import { failureOf, isTlsFailure, type Peer } from "./failures.ts";
import type { ForwardProxy } from "./forward-proxy.ts";
import { type Lookup, reach } from "./reach.ts";
import { tunnel } from "./tunnel.ts";

/** How a request wants to be connected. */
export interface Wanted {
  /** Seconds that connecting may take, TLS included. */
  readonly connectTimeout: number;
  /** The forward proxy that is to connect us. */
  readonly tunnel?: ForwardProxy | undefined;
  /** Who is at the end of the connection that undici asks for. */
  readonly peer: Peer;
}

export type Open = (to: buildConnector.Options, wanted: Wanted, done: buildConnector.Callback) => void;

export interface ConnectorOptions {
  readonly connections: Connections;
  readonly lookup?: Lookup | undefined;
  /** Told why TLS failed, once for each address and reason. */
  readonly warn: (message: string) => void;
}

export function createConnector({ connections, lookup, warn }: ConnectorOptions): Open {
  const secureSocket: buildConnector.connector = connectorOf({ timeout: 0 });
  const told = tellOnce(warn);
  return (to, wanted, done) => {
    const opened: Socket[] = [];
    let over = false;
    const finish = (error: GatewayError | undefined, socket?: Socket) => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      if (socket) {
        told.well(to.host ?? to.hostname);
        return done(null, socket);
      }
      for (const each of opened) {
        if (each.connecting) each.destroy();
        else each.destroySoon();
      }
      done(error ?? failureOf(undefined, wanted.peer), null);
    };
    const timer = setTimeout(() => finish(tooLate(peer)), wanted.connectTimeout * 1000);
    /** With whom the connection is being made just now. */
    let peer: Peer = wanted.tunnel ? "forward proxy" : wanted.peer;
    const reachable = (host: string, port: number) =>
      reach({
        host,
        port,
        lookup,
        over: () => over,
        opened: (socket) => {
          // What happens to a socket that is not taken is nobody's affair.
          socket.on("error", () => {});
          connections.count(socket);
          opened.push(socket);
        },
      });
    const secure = (socket: Socket, at: Omit<buildConnector.Options, "httpSocket">) =>
      new Promise<Socket>((resolve, reject) => {
        secureSocket({ ...at, httpSocket: socket }, (error, secured) => {
          if (error || !secured) return reject(error);
          secured.on("error", () => {});
          resolve(secured);
        });
      });
    const open = async (): Promise<Socket> => {
      connections.makeRoom();
      const tls = to.protocol === "https:";
      if (!wanted.tunnel) {
        const socket = await reachable(to.hostname, portOf(to));
        return tls ? await secure(socket, to) : kept(socket);
      }
      const proxy = new URL(wanted.tunnel.origin);
      const host = proxy.hostname.replace(/^\[(.*)\]$/, "$1");
      let way = await reachable(host, portOf(proxy));
      if (proxy.protocol === "https:") {
        way = await secure(way, { protocol: "https:", hostname: host, host, port: `${portOf(proxy)}` });
      }
      const name = to.hostname.includes(":") ? `[${to.hostname}]` : to.hostname;
      await tunnel(way, `${name}:${portOf(to)}`, wanted.tunnel.authorization?.reveal());
      peer = wanted.peer;
      return await secure(way, to);
    };
    open().then((socket) => finish(undefined, socket), (thrown: unknown) => {
      const error = failureOf(thrown, peer);
      if (!over && isTlsFailure(error)) told.failed(to.host ?? to.hostname, peer, error);
      finish(error);
    });
  };
}

function portOf({ protocol, port }: { readonly protocol: string; readonly port?: string }): number {
  return Number(port) || (protocol === "https:" ? 443 : 80);
}

/** What undici does to plain sockets of its own making. */
function kept(socket: Socket): Socket {
  return socket.setKeepAlive(true, 60_000).setNoDelay(true);
}

function tooLate(peer: Peer): GatewayError {
  return failureOf(Object.assign(new Error("Too late"), { code: "UND_ERR_CONNECT_TIMEOUT" }), peer);
}

/** No operator reads more of it. */
const LONGEST_REASON = 200;

/** Says why TLS to an address fails, and again only when the reason is another one, or it went well in between. */
function tellOnce(warn: (message: string) => void) {
  const reasons = new Map<string, string>();
  return {
    failed: (host: string, peer: Peer, { detail = "", cause }: GatewayError) => {
      if (reasons.get(host) === detail) return;
      reasons.set(host, detail);
      const why = cause instanceof Error ? cause.message.split("\n")[0]?.slice(0, LONGEST_REASON) : "";
      warn(`No trusted connection to the ${peer} for ${host}: ${detail.replace("proxy-", "")} (${why})`);
    },
    well: (host: string) => {
      if (reasons.size > 0) reasons.delete(host);
    },
  };
}
