// The example examples/deliver-pizza as it stands: the shipped workflow and kitchen, people and signals by the client, and kill -9 of the service on the way.

import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { DaemonFixture } from "./daemon.ts";
import { Script } from "./script.ts";

const EXAMPLE = join(import.meta.dirname, "..", "..", "examples/deliver-pizza");

async function aScene() {
  const daemon = new DaemonFixture();
  onTestFinished(() => daemon.remove());
  const directory = join(daemon.directory, "pizza");
  cpSync(EXAMPLE, directory, { recursive: true });
  await daemon.start();
  const script = new Script(daemon);
  const done = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await script.run(...args);
    expect([code, stderr].join(" "), args.join(" ")).toMatch(/^0 /);
    return stdout.trim();
  };
  const status = (): Promise<string> => done("query", "order-7", "status");
  const phase = async (): Promise<string> => (await done("status", "order-7")).split("\n", 1)[0]?.replace(/^\S+ /, "") ?? "";
  const kitchen = (): readonly string[] => readFileSync(join(directory, "kitchen.log"), "utf8").trimEnd().split("\n");
  return { daemon, directory, script, done, status, phase, kitchen };
}

const PARAMS = ["--param", "order=order-7", "--param", "pizza=funghi", "--param", "address=via verdi 3"] as const;

test("a pizza is paid for, prepared and delivered, found by its order number, through two kills", { timeout: 180_000 }, async () => {
  const { daemon, directory, script, done, status, phase, kitchen } = await aScene();
  const rider = (await done("token", "create", "rita", "--role", "approver:delivery_executive")).split("\n").at(-1) ?? "";
  const workflow = join(directory, "deliver-pizza.yaml");
  await done("run", workflow, ...PARAMS, "--param", `kitchen=${directory}`, "--key", "order-7", "--no-wait");
  await expect.poll(() => done("why", "order-7"), { timeout: 30_000 }).toContain("order/paid awaits signal paid");
  expect(await status()).toBe('"ordered"');

  await daemon.restart();
  const refused = await script.run("signal", "order-7", "paid", "--data", '{"amount": "much"}');
  expect([refused.code, refused.stderr].join(" ")).toContain("data.amount: expected a number");
  writeFileSync(join(directory, "slow"), "");
  await done("signal", "order-7", "paid", "--key", "bill-1", "--data", '{"amount": 9.5, "by": "card"}');
  await done("signal", "order-7", "paid", "--key", "bill-1", "--data", '{"amount": 9.5, "by": "card"}');
  await expect.poll(() => kitchen(), { timeout: 30_000 }).toContain("bake order-7 funghi");
  expect(await status()).toBe('"paid by card"');

  await daemon.restart(); // the pizza is in the oven
  await done("signal", "order-7", "note", "--data", '{"text": "ring twice"}');
  rmSync(join(directory, "slow"));
  await expect.poll(phase, { timeout: 60_000 }).toBe("WAITING");
  expect(kitchen().toSorted()).toEqual(["bake order-7 funghi", "dough order-7 funghi", "topping order-7 funghi"]);
  expect(await done("why", "order-7")).toContain(
    "deliver/ride awaits a person of role delivery_executive: Deliver order order-7 to via verdi 3",
  );

  const nobody = await script.run("complete", "order-7", "deliver/ride", "--data", '{"minutes": 20}');
  expect([nobody.code, nobody.stderr].join(" ")).toContain("is for a person of role delivery_executive");
  script.env = { HOLDFAST_TOKEN: rider };
  await done("complete", "order-7", "deliver/ride", "--data", '{"minutes": 20}');
  await done("complete", "order-7", "deliver/ride", "--data", '{"minutes": 20}');
  script.env = {};
  expect(await phase()).toBe("SUCCEEDED");
  expect(await status()).toBe('"delivered by rita in 20 minutes"');
  const late = await script.run("signal", "order-7", "note", "--data", '{"text": "cold"}');
  expect([late.code, late.stderr].join(" ")).toContain("comes too late");
  const history = await done("history", "order-7");
  expect(history.match(/signalReceived/g)).toHaveLength(2);
  expect(history).toMatch(/attemptEnded {2}deliver\/ride .*by rita/);
});

test("a rider who cannot deliver says so, and another one is asked after a retry", { timeout: 120_000 }, async () => {
  const { directory, script, done, phase, kitchen } = await aScene();
  const rider = (await done("token", "create", "rita", "--role", "approver:delivery_executive")).split("\n").at(-1) ?? "";
  const workflow = join(directory, "deliver-pizza.yaml");
  await done("run", workflow, ...PARAMS, "--param", `kitchen=${directory}`, "--key", "order-7", "--no-wait");
  await done("signal", "order-7", "paid", "--data", '{"amount": 9.5}');
  await expect.poll(phase, { timeout: 60_000 }).toBe("WAITING");
  script.env = { HOLDFAST_TOKEN: rider };
  await done("fail", "order-7", "deliver/ride", "--reason", "a flat tyre");
  script.env = {};
  expect(await phase()).toBe("FAILED");
  expect(await done("tasks", "order-7", "--outcome", "failed")).toContain("rita refused it: a flat tyre");
  await done("retry", "order-7");
  await expect.poll(phase, { timeout: 30_000 }).toBe("WAITING");
  expect(kitchen(), "nothing is prepared twice").toHaveLength(3);
});
