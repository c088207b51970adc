// The example examples/packet-routing as it stands: the shipped workflow and providers, by a plan of what happens, and kill -9 of the service on the way.

import { existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../fakes/temp-directory.ts";
import { startNetwork } from "./packet-scene.ts";

const ROUTE = { providers: ["ams", "fra", "gva", "lhr", "nyc"] };

/** What happens to each question for a route, and to each packet, in their order; see providers.mjs. */
interface Plan {
  readonly routes: readonly ({ readonly cut: true } | typeof ROUTE)[];
  readonly sends: readonly { readonly cut?: true; readonly hang?: true; readonly refuse?: string; readonly ackMs?: number }[];
}

async function start(plan: Plan) {
  const file = join(temporaryDirectory(), "plan.json");
  writeFileSync(file, JSON.stringify(plan));
  const { daemon, done, network, workflow, printed } = await startNetwork(`plan=${file}`);
  const send = (within: string): Promise<string> => {
    const params = { id: "p-1", destination: "10.9.0.1", network, answer_to: daemon.address, acknowledged_within: within };
    const given = Object.entries(params).flatMap(([name, value]) => ["--param", `${name}=${value}`]);
    return done("run", workflow, ...given, "--key", "p-1", "--no-wait");
  };
  const status = async (): Promise<{ readonly phase?: string; readonly output?: unknown }> => {
    const found: { readonly phase?: string; readonly output?: unknown } = JSON.parse(await done("status", "p-1", "-o", "json"));
    return found;
  };
  const phase = async (): Promise<string> => ((await status()).phase ?? "").replace("PHASE_", "");
  const heard = (): readonly string[] => printed().trimEnd().split("\n").slice(1);
  return { daemon, done, send, status, phase, heard };
}

test(
  "a packet that is refused, not acknowledged in time, and lost on the way is delivered by the fourth provider; a late word is told so",
  {
    timeout: 120_000,
  },
  async () => {
    const plan: Plan = {
      routes: [{ cut: true }, { cut: true }, ROUTE],
      sends: [{ ackMs: 4_000 }, { refuse: "no road" }, { cut: true }, { ackMs: 50 }],
    };
    const { send, status, phase, heard, done } = await start(plan);
    await send("2s");
    await expect.poll(phase, { timeout: 60_000 }).toBe("SUCCEEDED");
    const packet = { id: "p-1", source: "10.0.0.7", destination: "10.9.0.1", protocol: "udp", ttl: 16, size: 512, payload: "hello" };
    expect((await status()).output).toEqual({ ...packet, delivered_by: "lhr", failed: ["ams", "fra", "gva"] });
    await expect.poll(() => heard().join("\n"), { timeout: 30_000 }).toContain("ams acknowledges p-1");
    const late =
      "400 failed_precondition: attempt 1 of transmit/send.1 is over: no completion came within 2s; this comes too late and changes nothing";
    expect(heard()).toContain(`ams acknowledges p-1: ${late}`);
    expect(heard()).toContain("fra refuses p-1: 200 taken");
    expect(heard()).toContain("lhr acknowledges p-1: 200 taken");
    expect(heard().filter((line) => line.includes("takes packet"))).toHaveLength(4);
    const history = await done("history", "p-1", "--details");
    expect(history).not.toMatch(/hfc1\./);
    expect(history).toContain("fra: no road");
  },
);

test(
  "a service that is killed while a packet is on its way neither sends it again nor misses its acknowledgement",
  {
    timeout: 120_000,
  },
  async () => {
    const plan: Plan = { routes: [ROUTE], sends: [{ refuse: "closed" }, { ackMs: 1_000 }] };
    const { daemon, send, status, phase, heard } = await start(plan);
    await send("60s");
    await expect.poll(() => heard().join("\n"), { timeout: 30_000 }).toContain("fra takes packet p-1");
    await daemon.kill();
    await daemon.start();
    await expect.poll(phase, { timeout: 60_000 }).toBe("SUCCEEDED");
    expect((await status()).output).toMatchObject({ delivered_by: "fra", failed: ["ams"] });
    expect(heard().filter((line) => line.includes("takes packet"))).toHaveLength(2);
  },
);

test(
  "where the key of tokens is gone the service does not start while a packet is on its way, and says what to do",
  { timeout: 120_000 },
  async () => {
    const plan: Plan = { routes: [ROUTE], sends: [{ ackMs: 1_000 }] };
    const { daemon, send, phase, heard } = await start(plan);
    await send("60s");
    await expect.poll(() => heard().join("\n"), { timeout: 30_000 }).toContain("ams takes packet p-1");
    await daemon.kill();
    const key = join(daemon.dataDir, "seal.key");
    renameSync(key, `${key}.away`);
    await expect(daemon.start()).rejects.toThrow(
      /ended before it served \(69\): .*seal\.key cannot be used: it is gone, and attempts under way.*; bring it back/s,
    );
    expect(existsSync(key)).toBe(false);
    renameSync(`${key}.away`, key);
    await daemon.start();
    await expect.poll(phase, { timeout: 60_000 }).toBe("SUCCEEDED");
  },
);

test("an acknowledgement that comes before the answer to the packet itself outlives a kill", { timeout: 120_000 }, async () => {
  const plan: Plan = { routes: [ROUTE], sends: [{ hang: true, ackMs: 0 }] };
  const { daemon, send, status, phase, heard } = await start(plan);
  await send("60s");
  await expect.poll(() => heard().join("\n"), { timeout: 30_000 }).toContain("ams acknowledges p-1: 200 taken");
  expect(await phase()).toBe("RUNNING");
  await daemon.kill();
  await daemon.start();
  await expect.poll(phase, { timeout: 60_000 }).toBe("SUCCEEDED");
  expect((await status()).output).toMatchObject({ delivered_by: "ams", failed: [] });
  expect(heard().filter((line) => line.includes("takes packet"))).toHaveLength(1);
});

test("a packet that four providers do not deliver has failed, and says which", { timeout: 120_000 }, async () => {
  const plan: Plan = { routes: [ROUTE], sends: [{ refuse: "no" }, { refuse: "no" }, {}, { refuse: "no" }] };
  const { send, status, phase, done } = await start(plan);
  await send("1s");
  await expect.poll(phase, { timeout: 60_000 }).toBe("FAILED");
  expect((await status()).output).toMatchObject({ id: "p-1", delivered_by: "", failed: ["ams", "fra", "gva", "lhr"] });
  const tasks = await done("tasks", "p-1", "--stage", "transmit");
  expect(tasks.match(/it failed outside: \w+: no/g)).toHaveLength(3);
  expect(tasks).toContain("no completion came within 1s");
});
