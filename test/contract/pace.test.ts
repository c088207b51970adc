import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { createPace } from "../../internal/pace/pace.ts";
import { systemClock } from "../../internal/system/clock.ts";
import { FakeClock } from "../fakes/fake-clock.ts";
import { Chance } from "../sim/chance.ts";
import { SeededPace } from "../sim/seeded-pace.ts";
import { paceContract } from "./pace-contract.ts";
import type { PaceUnderTest } from "./pace-contract.ts";

// Bottleneck has the system's time, which has to be waited for.
paceContract("bottleneck", () => ({
  clock: systemClock,
  make: (terms) => createPace({ clock: systemClock, ...terms }),
  pass: (ms) => sleep(ms),
  end: (work) => work,
}));

paceContract("the simulator's pace, while nothing is late", () => seeded(undefined));

const SEED = Number(process.env["SIM_SEED"] ?? "1");
for (let seed = SEED; seed < SEED + 5; seed++) paceContract(`the simulator's pace (SIM_SEED=${seed})`, () => seeded(new Chance(seed)));

function seeded(chance: Chance | undefined): PaceUnderTest {
  const clock = new FakeClock();
  return {
    clock,
    make: (terms) => new SeededPace({ ...terms, clock, chance: () => chance }),
    pass: async (ms) => {
      await clock.advanceAsync(ms);
      for (let turn = 0; turn < 10; turn++) await setImmediate();
    },
    end: async (work) => {
      let isOver = false;
      const over = (): void => void (isOver = true);
      work.then(over, over);
      for (let turn = 0; turn < 1_000 && !isOver; turn++) await clock.advanceAsync(turn < 5 ? 0 : 5);
      if (!isOver) throw new Error("it never ends");
      return work;
    },
  };
}
