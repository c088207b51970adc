import { test } from "vitest";
import { Simulation } from "./simulation.ts";

/** SIM_SEED runs one seed, or the first of SIM_RUNS. A failure prints the seed that replays it exactly. */
const SEED = Number(process.env["SIM_SEED"] ?? "1");
const RUNS = Number(process.env["SIM_RUNS"] ?? (process.env["SIM_SEED"] === undefined ? "300" : "1"));

test(`random workflows keep every rule through crashes and troubles (SIM_SEED=${SEED} SIM_RUNS=${RUNS})`, async () => {
  for (let seed = SEED; seed < SEED + RUNS; seed++) {
    try {
      await new Simulation(seed).run();
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`SIM_SEED=${seed}: ${reason}`, { cause });
    }
  }
});
