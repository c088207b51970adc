// The fuzzer is shown to see: for each kind of fault a parser with such a bug is caught, with an input; and a sound parser is not accused.

import { afterAll, expect, test } from "vitest";
import { goAside } from "./aside.ts";
import { runTarget } from "./campaign.ts";
import type { CampaignOptions } from "./campaign.ts";
import { MEMORY_GROWTH_BYTES_MAX, memoryGrowth } from "./fault.ts";

const SEED = 7;
const SHORT_MS = 700;
/** On a busy machine too, enough to meet the character that the planted bugs wait for. */
const RUNS_MIN = 400;
/** Where what is shown does not depend on chance, the input is given. */
const GIVEN = { forMs: 0, inputs: ["a", "%"] };

afterAll(goAside());

async function faultsOf(name: string, options: Partial<CampaignOptions> = {}) {
  const { faults, runs } = await runTarget({ target: `broken-${name}`, seed: SEED, forMs: SHORT_MS, runsMin: RUNS_MIN, ...options });
  expect(runs).toBeGreaterThan(0);
  return faults.map(({ kind, input, message }) => ({ kind, input, message: message.split("\n", 1)[0] }));
}

test("a sound parser is not accused", async () => {
  expect(await faultsOf("sound")).toEqual([]);
});

test("a TypeError on one character is a crash, and the input shrinks to that character", async () => {
  expect(await faultsOf("crash")).toEqual([{ kind: "crash", input: "%", message: expect.stringContaining("TypeError") }]);
});

test("an exception that is thrown later, in a turn of its own, is a crash of the input that was at hand", async () => {
  const [first] = await faultsOf("thrown");
  expect(first).toMatchObject({ kind: "crash", message: expect.stringContaining("TypeError") });
});

test("a loop of more than a second is slow, when it is so twice", async () => {
  const faults = await faultsOf("slow", GIVEN);
  expect(faults[0]).toMatchObject({ kind: "slow", input: expect.stringContaining("%"), message: expect.stringContaining("1000 ms") });
});

test("a loop without end is a hang: the process is ended from outside, and the input is known", async () => {
  const faults = await faultsOf("hang", { ...GIVEN, hangMs: 1_500 });
  expect(faults[0]).toMatchObject({ kind: "hang", input: expect.stringContaining("%") });
});

test("a promise that is never settled is silence", async () => {
  const [first] = await faultsOf("silence", { ...GIVEN, silenceMs: 100 });
  expect(first).toMatchObject({ kind: "silence", input: expect.stringContaining("%") });
});

test("a rejection that nobody handles is seen, with its input", async () => {
  expect(await faultsOf("rejection")).toEqual([{ kind: "rejection", input: "%", message: expect.stringContaining("nobody looks after") }]);
});

test("memory that grows with the inputs is a leak", async () => {
  const faults = await faultsOf("leak", { forMs: 3_000 });
  expect(faults.map(({ kind }) => kind)).toEqual(["leak"]);
});

test("the end of the heap aborts the process: a crash, and the input that led there is known", async () => {
  const faults = await faultsOf("heap", { ...GIVEN, heapMib: 64 });
  expect(faults[0]).toMatchObject({ kind: "crash", input: "%", message: expect.stringContaining("SIGABRT: FATAL ERROR") });
});

test("the same seed tries the same inputs: what it found is found again", async () => {
  const [first, second] = [await faultsOf("crash"), await faultsOf("crash")];
  expect(first).toEqual(second);
});

test("inputs that are given are tried, and those behind one that hangs too", async () => {
  const { faults } = await runTarget({ target: "broken-hang", seed: SEED, forMs: 0, inputs: ["a", "%1", "b", "%2"], hangMs: 500 });
  expect(faults.map(({ kind, input }) => [kind, input])).toEqual([
    ["hang", "%1"],
    ["hang", "%2"],
  ]);
});

test("growth is what the second half holds more at the least, after the warm-up", () => {
  const step = MEMORY_GROWTH_BYTES_MAX;
  expect(memoryGrowth([9, 9, 9])).toBeUndefined();
  expect(memoryGrowth([0, 0, 50, 50, 51, 90, 50, 50, 52, 90, 50, 50])).toBe(0);
  expect(memoryGrowth([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((each) => each * step))).toBeGreaterThan(step);
});
