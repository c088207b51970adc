// The example examples/deliver-pizza as it stands: the shipped workflow and kitchen, people and signals by the client, and kill -9 of the service on the way.

import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeRider, startPizza } from "./pizza-scene.ts";

const PARAMS = ["--param", "order=order-7", "--param", "pizza=funghi", "--param", "address=via verdi 3"] as const;

test("a pizza is paid for, prepared and delivered, found by its order number, through two kills", { timeout: 180_000 }, async () => {
  const { daemon, directory, workflow, script, done, status, phase, kitchen } = await startPizza();
  const rider = await makeRider(done);
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
  const { directory, workflow, script, done, phase, kitchen } = await startPizza();
  const rider = await makeRider(done);
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

test(
  "a task, a stage and the whole are done once more, through a kill, and the shop hears of each change once",
  { timeout: 180_000 },
  async () => {
    const { shop, daemon, directory, workflow, script, done, status, phase, kitchen } = await startPizza();
    const rider = await makeRider(done);
    const ride = async (minutes: number): Promise<void> => {
      await expect.poll(phase, { timeout: 60_000 }).toBe("WAITING");
      script.env = { HOLDFAST_TOKEN: rider };
      await done("complete", "order-7", "deliver/ride", "--data", JSON.stringify({ minutes }));
      script.env = {};
      expect(await phase()).toBe("SUCCEEDED");
    };
    const times = (what: string): number => kitchen().filter((line) => line.startsWith(what)).length;
    const made = (): readonly number[] => [times("dough"), times("topping"), times("bake")];
    await done("run", workflow, ...PARAMS, "--param", `kitchen=${directory}`, "--key", "order-7", "--no-wait");
    await done("signal", "order-7", "paid", "--data", '{"amount": 9.5}');
    await ride(20);

    writeFileSync(join(directory, "slow"), "");
    await done("retry", "order-7", "--task", "prepare/bake", "--reason", "it was burnt");
    await expect.poll(() => times("bake"), { timeout: 30_000 }).toBe(2);
    await daemon.restart(); // the second pizza is in the oven
    rmSync(join(directory, "slow"));
    await expect.poll(phase, { timeout: 60_000 }).toBe("SUCCEEDED");
    expect(made()).toEqual([1, 1, 2]);

    await done("retry", "order-7", "--stage", "prepare", "--reason", "it was dropped", "--wait");
    expect(made()).toEqual([2, 2, 3]);
    expect(await status()).toBe('"baked"');

    await done("retry", "order-7", "--all", "--reason", "the wrong address");
    await expect.poll(() => done("why", "order-7"), { timeout: 30_000 }).toContain("order/paid awaits signal paid");
    await done("signal", "order-7", "paid", "--data", '{"amount": 0.01, "by": "the house"}');
    await ride(35);
    expect(made()).toEqual([3, 3, 4]);
    expect(await status()).toBe('"delivered by rita in 35 minutes"');

    const history = await done("history", "order-7");
    for (const round of ['"it was burnt" round=2', '"it was dropped" round=3', '"the wrong address" round=4'])
      expect(history).toContain(round);
    const heard = (): readonly string[] => shop.printed().trimEnd().split("\n");
    await expect.poll(() => heard().at(-1), { timeout: 30_000 }).toBe("order-7 succeeded");
    expect(heard().filter((line) => line.includes("prepare/bake changed; the customer is told: baked"))).toHaveLength(4);
    expect(heard().filter((line) => line === "order-7 succeeded")).toHaveLength(4);
  },
);
