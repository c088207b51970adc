// The soak's judgement can fail: memory that leaks a little, descriptors that are not closed, lives that start larger and larger.

import { expect, test } from "vitest";
import { Chance } from "../sim/chance.ts";
import { judgeFlatness } from "./soak/flatness.ts";
import type { LifeSample } from "./soak/life-report.ts";

const MIB = 1024 * 1024;
const SAMPLE_MS = 5_000;

interface Shape {
  readonly heapPerMinute?: number;
  readonly anonPerMinute?: number;
  readonly fdsPerMinute?: number;
  readonly heapPerLife?: number;
}

/** Short lives, one long one of half an hour, short lives again; memory is noisy, as real memory is. */
function lives({ heapPerMinute = 0, anonPerMinute = 0, fdsPerMinute = 0, heapPerLife = 0 }: Shape): readonly LifeSample[] {
  const chance = new Chance(7);
  const samples: LifeSample[] = [];
  let atMs = 0;
  for (const [life, minutes] of [1, 1, 2, 1, 30, 1, 2, 1].entries()) {
    for (let ageMs = SAMPLE_MS; ageMs <= minutes * 60_000; ageMs += SAMPLE_MS) {
      const age = ageMs / 60_000;
      samples.push({
        pid: 100 + life,
        ageMs,
        atMs: atMs + ageMs,
        heapBytes: (40 + life * heapPerLife + age * heapPerMinute) * MIB + chance.int(0, 4 * MIB),
        externalBytes: 0,
        heapTakenBytes: 60 * MIB,
        anonBytes: (140 + age * anonPerMinute) * MIB + chance.int(0, 20 * MIB),
        rssBytes: 200 * MIB,
        fds: 40 + Math.floor(age * fdsPerMinute) + chance.int(0, 5),
        loopDelayMsMax: 10,
      });
    }
    atMs += minutes * 60_000;
  }
  return samples;
}

const notMet = (samples: readonly LifeSample[]): readonly string[] =>
  judgeFlatness(samples)
    .filter(({ isMet }) => !isMet)
    .map(({ name }) => name.split(" ").slice(0, 2).join(" "));

test("memory that is noisy and does not grow is flat", () => expect(notMet(lives({}))).toEqual([]));

test.each<[string, Shape, string]>([
  ["a heap that grows by a quarter of a MiB a minute", { heapPerMinute: 0.25 }, "heap after"],
  ["memory outside the heap that grows by a MiB a minute", { anonPerMinute: 1 }, "memory of"],
  ["a descriptor that is left open every other minute", { fdsPerMinute: 0.5 }, "file descriptors,"],
  ["lives that start two MiB larger each", { heapPerLife: 2 }, "the heap"],
])("%s is not flat", (_, shape, name) => expect(notMet(lives(shape))).toContain(name));

test("a life that is too short to be judged is not flat", () => {
  expect(notMet(lives({}).slice(0, 8))).toEqual(["the longest"]);
});
