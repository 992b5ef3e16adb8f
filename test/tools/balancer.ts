/** A TCP balancer in front of replicas, as small as can be: each connection goes to the next one that is ready. */

import { request } from "node:http";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface Balancer {
  readonly port: number;
  /** The replicas from now on; connections that are there stay where they are. */
  use(ports: readonly number[]): void;
  close(): Promise<void>;
}

const CHECK_MS = 250;

/** Starts to balance over replicas whose `/readyz` says yes, which is asked a few times a second. */
export async function startBalancer(ports: readonly number[]): Promise<Balancer> {
  let replicas = ports;
  let ready = ports;
  let turn = 0;
  const sockets = new Set<Socket>();
  const look = async () => {
    const found = await Promise.all(replicas.map(isReady));
    ready = replicas.filter((_, index) => found[index]);
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const port = ready[turn++ % Math.max(ready.length, 1)];
    if (port === undefined) return void client.destroy();
    const replica = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    for (const [one, other] of [[client, replica], [replica, client]] as const) {
      sockets.add(one);
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.destroySoon();
      });
    }
  });
  const checks = setInterval(() => void look(), CHECK_MS);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    use: (next) => {
      replicas = next;
      void look();
    },
    close: () => {
      clearInterval(checks);
      sockets.forEach((socket) => socket.destroy());
      return new Promise((resolve) => void server.close(() => resolve()));
    },
  };
}

function isReady(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request(
      { host: "127.0.0.1", port, path: "/readyz", agent: false, timeout: 1000 },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      },
    );
    asked.on("timeout", () => asked.destroy());
    asked.on("error", () => resolve(false));
    asked.end();
  });
}
