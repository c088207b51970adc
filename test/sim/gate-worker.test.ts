import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { HoldfastError } from "../../internal/base/errors.ts";
import { TargetSelectorSchema } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { FakeClock, settle } from "../fakes/fake-clock.ts";
import { someTargets } from "../fakes/world.ts";
import { Chance } from "./chance.ts";
import { GateWorker } from "./gate-worker.ts";

/** Asks a worker `count` times at once; who was answered, in that order, the codes of the others, and how often the chooser was asked. */
async function asked(chance: Chance | undefined, count: number) {
  const clock = new FakeClock();
  let choices = 0;
  const choose = async () => {
    choices += 1;
    return someTargets(1);
  };
  const worker = new GateWorker({ clock, chance: () => chance, note: () => undefined }).choosing({ choose });
  const selection = { known: [], params: {}, declared: {}, expected: [] };
  const answered: number[] = [];
  const codes: string[] = [];
  const answers = Array.from({ length: count }, (_, number) =>
    worker.choose(create(TargetSelectorSchema), selection).then(
      () => void answered.push(number),
      (error: unknown) => void codes.push(error instanceof HoldfastError ? error.code : String(error)),
    ),
  );
  for (let turn = 0; turn < 40; turn++) await settle();
  const atOnce = answered.length + codes.length;
  await clock.advanceAsync(10_000);
  for (let turn = 0; turn < 40; turn++) await settle();
  await Promise.all(answers);
  return { answered, codes, choices, late: count - atOnce };
}

test("a worker without chance answers everything at once, in order", async () => {
  expect(await asked(undefined, 5)).toEqual({ answered: [0, 1, 2, 3, 4], codes: [], choices: 5, late: 0 });
});

test("a worker with chance reorders, is slow, refuses, fails before and after, and asks again; its seed says how", async () => {
  const { answered, codes, choices, late } = await asked(new Chance(1), 200);
  expect(answered).not.toEqual(answered.toSorted((a, b) => a - b));
  expect(new Set(codes)).toEqual(new Set(["UNAVAILABLE", "RESOURCE_EXHAUSTED"]));
  expect(late).toBeGreaterThan(0);
  // Answers that were lost, and those that were made twice.
  expect(choices).toBeGreaterThan(answered.length);
  expect(await asked(new Chance(1), 200)).toEqual({ answered, codes, choices, late });
});
