import { expect, test } from "vitest";
import type { Scenario } from "./scenario.ts";
import { aScenario } from "./scenario.ts";
import { Simulation } from "./simulation.ts";

/** A seed whose run calls nearly every port. */
const SEED = Number(process.env["SIM_SEED"] ?? "27");
/** Which call of a port ends the life. */
const CALLS = [0, 3];

/** Nothing goes wrong but that one crash. */
function quiet(parts: Partial<Scenario> = {}): Scenario {
  return aScenario(SEED, { steps: 4, targetsMax: 2, faults: new Set(["policy", "delay", "pace", "worker"]), ...parts });
}

test(`the service may end at every kind of call of a port, before its effect or after it (SIM_SEED=${SEED})`, async () => {
  const calm = new Simulation(quiet());
  await calm.run();
  const ports = [...calm.coverage.calls.keys()];
  const ended = new Set<string>();
  for (const port of ports) {
    for (const when of ["before", "after"] as const) {
      for (const calls of CALLS) {
        const simulation = new Simulation(quiet({ crashAt: { port, when, calls } }));
        await simulation.run().catch((error: unknown) => {
          throw new Error(`${when} ${port}, after ${calls} calls: ${String(error)}`, { cause: error });
        });
        for (const at of simulation.coverage.crashes.keys()) ended.add(at);
      }
    }
  }
  expect(PORTS.filter((port) => !ports.includes(port))).toEqual([]);
  expect(ports.flatMap((port) => [`before ${port}`, `after ${port}`]).filter((at) => !ended.has(at))).toEqual([]);
});

/** What the engine asks for in such a run. */
const PORTS = [
  "journal.append",
  "journal.synced",
  "journal.readFrames",
  "journal.openWorkflows",
  "journal.detail",
  "journal.record",
  "journal.findByRequest",
  "policies.judge",
  "policies.judgeTask",
  "chooser.choose",
  "inventory.targets",
  "disk.freeBytes",
  "stopFile.look",
  "secrets.value",
  "ids.workflowId",
  "action.parse",
  "action.check",
  "action.apply",
  "pace.run",
  "pace.begin",
  "timer",
];
