import { expect, test } from "vitest";
import { Simulation } from "./simulation.ts";

/** SIM_SEED runs one seed, or the first of SIM_RUNS; SIM_ALL=1 goes on after a failure. A failure prints the seed that replays it exactly. */
const SEED = Number(process.env["SIM_SEED"] ?? "1");
const RUNS = Number(process.env["SIM_RUNS"] ?? (process.env["SIM_SEED"] === undefined ? "80" : "1"));
const FAILURES_MAX = process.env["SIM_ALL"] === "1" ? Infinity : 1;

test(
  `random workflows keep every rule through crashes and troubles (SIM_SEED=${SEED} SIM_RUNS=${RUNS})`,
  { timeout: 900_000 },
  async () => {
    const failures: string[] = [];
    for (let seed = SEED; seed < SEED + RUNS && failures.length < FAILURES_MAX; seed++) {
      const simulation = new Simulation(seed);
      await simulation.run().catch((error: unknown) => {
        if (process.env["SIM_TRACE"] === "1") process.stdout.write(`${simulation.lines.join("\n")}\n`);
        const reason = error instanceof Error ? (FAILURES_MAX === 1 ? error.stack : error.message) : String(error);
        failures.push(`SIM_SEED=${seed}: ${reason}`);
      });
    }
    expect(failures).toEqual([]);
  },
);
