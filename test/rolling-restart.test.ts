/** Two replicas behind a balancer are replaced one after the other, under load, and no client notices. */

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { startProviders } from "../src/demo/providers.ts";
import { hello, MODELS, providerEnv } from "./commands/_daemon.ts";
import { startBalancer } from "./tools/balancer.ts";
import { type Daemon, startDaemon } from "./tools/daemon.ts";
import { configOf } from "./tools/proxy.ts";
import { openStream } from "./tools/stream-client.ts";

test("a rolling restart breaks no stream and refuses no request", async () => {
  const providers = await startProviders({ pace: 20 });
  const folder = await mkdtemp(join(tmpdir(), "ai-proxy-"));
  const file = join(folder, "rbac.json");
  await writeFile(file, JSON.stringify(configOf(MODELS)));
  const start = () =>
    startDaemon({ args: ["--config", file, "--access-log", "off"], env: providerEnv(providers) });
  const started: Daemon[] = await Promise.all([start(), start()]);
  const [one, other] = started;
  assert(one && other);
  const balancer = await startBalancer([one.port, other.port]);
  const agent = new Agent({ keepAlive: true });
  let loading = true;
  let [streams, plain] = [0, 0];

  const stream = async () => {
    while (loading) {
      const client = await openStream({
        port: balancer.port,
        body: hello("sonnet", true, "Hello in 80 words"),
      });
      assert.equal(client.status, 200);
      const { text, broken } = await client.ended;
      assert(!broken && text.endsWith("data: [DONE]\n\n"), text.slice(-300));
      streams++;
    }
  };
  const ask = async () => {
    while (loading) {
      const client = await openStream({ port: balancer.port, body: hello("gpt-5"), agent });
      assert.equal(client.status, 200, await client.ended.then(({ text }) => text));
      assert.equal((await client.ended).broken, false);
      plain++;
      await pause(20);
    }
  };
  const load = Promise.all([...Array.from({ length: 10 }, stream), ...Array.from({ length: 4 }, ask)]);
  // Looked at when the load is over; until then it must not count as unhandled.
  load.catch(() => loading = false);
  const replace = async (old: Daemon, staying: Daemon): Promise<Daemon> => {
    const fresh = await start();
    started.push(fresh);
    balancer.use([old.port, staying.port, fresh.port]);
    old.signal("SIGTERM");
    assert.equal(await old.exited, 0);
    balancer.use([staying.port, fresh.port]);
    return fresh;
  };
  try {
    const fresh = await replace(one, other);
    await replace(other, fresh);
    loading = false;
    await load;
    assert(streams >= 20 && plain >= 50, `${streams} streams, ${plain} answers`);
  } finally {
    loading = false;
    await load.catch(() => {});
    agent.destroy();
    await balancer.close();
    const running = started.filter(({ child }) => child.exitCode === null && child.signalCode === null);
    running.forEach((daemon) => daemon.signal("SIGKILL"));
    await Promise.all(started.map(({ exited }) => exited));
    await providers.close();
    await rm(folder, { recursive: true });
  }
});
