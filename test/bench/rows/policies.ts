// How fast policies are judged: the shipped samples over 100,000 targets, off the event loop as the service does it, and tasks a second.
// 1. A gate takes the time that passes; the event loop's holds, tasks a second and the evaluation alone are time on the core.

import { openJudging } from "../../../cmd/holdfastd/judging.ts";
import { EXPR_COST_WORKER_MAX, GATE_COST_WORKER_MAX } from "../../../internal/base/limits.ts";
import type { GateQuestion } from "../../../internal/engine/ports.ts";
import { Gate } from "../../../internal/gen/holdfast/v1/policy_pb.ts";
import { budgetOf } from "../../../internal/policy/asking.ts";
import { countFleet } from "../../../internal/policy/fleet-counts.ts";
import { judgeGate } from "../../../internal/policy/gate-judge.ts";
import { fixedPolicies } from "../../../internal/policy/policies.ts";
import { readPolicy } from "../../../internal/policy/policy-file.ts";
import { policySet } from "../../../internal/policy/policy-set.ts";
import { systemClock } from "../../../internal/system/clock.ts";
import { watchLoop } from "../../fakes/loop-watch.ts";
import { aGateQuestion, aSubmission, aTaskQuestion, someTargets } from "../../fakes/policy-question.ts";
import { sampleSources } from "../bench-service.ts";
import type { Figure, Row, Scale } from "../row.ts";
import { Tally } from "../tally.ts";

const TARGETS = 100_000;
const REPEATS = 5;

/** Rules that name the target, so that nothing is remembered from one task to the next. */
const TASK_POLICY = `
name: tasks
match: 'true'
rules:
  - { name: known, gates: [task], enforcement: deny, expr: 'task.uses != "shell"', message: '"no shell"' }
  - { name: site, gates: [task], enforcement: deny, expr: 'target.labels.site != "lab"', message: '"not there"' }
  - { name: kept, gates: [task], enforcement: deny, expr: '!has(target.labels.keep)', message: '"it is kept"' }
limits:
  - { name: one-site-an-hour, match: 'task.uses == "erase@1"', key: '"erase"', each: target.labels.site, tokens: 1, period: 1h }
  - { name: five-at-a-time, match: 'task.uses == "erase@1"', key: '"erase/" + target.labels.site', concurrency: 5 }
`;

/** The row. */
export const row: Row = { name: "policies", title: "The sample policies over 100,000 targets", measure };

async function measure(scale: Scale): Promise<readonly Figure[]> {
  if (scale === "quick") return [];
  const scene = makeScene();
  const tally = new Tally();
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    await offTheLoop(scene, tally);
    await onOneThread(scene, tally);
    await judgeTasks(scene, tally);
  }
  return tally.figures();
}

/** The policies, the fleet, and the questions about them. */
function makeScene() {
  const targets = someTargets(TARGETS, (index) => ({ site: `site-${index % 100}`, role: "web", rack: `r${index % 1_000}` }));
  const fleet = countFleet(targets);
  const samples = sampleSources();
  const versions = samples.map(({ file, source }) => readPolicy(file, source));
  const set = policySet({ isConfigured: true, versions, broken: [] }, []);
  return { targets, fleet, samples, set };
}

type Scene = ReturnType<typeof makeScene>;

function questionAt({ targets }: Scene, gate: Gate): GateQuestion {
  // The name has the dearest sample match, which looks at each target.
  const submitted = aSubmission({ name: "satellite-disk-erase", targets, annotations: { tier: "production" } });
  return aGateQuestion({ submitted, targets: submitted.targets, gate, ...(gate === Gate.WAVE ? { stage: 0, wave: 0 } : {}) });
}

/** As the service does it, with a thread that starts, is given the inventory, and then has it. */
async function offTheLoop(scene: Scene, tally: Tally): Promise<void> {
  const log = (line: string): void => console.error(line);
  const judging = openJudging({ clock: systemClock, inventory: { targets: () => scene.targets }, log });
  const judge = async (what: string, question: GateQuestion): Promise<void> => {
    const stop = watchLoop();
    const startMs = performance.now();
    await judging.judge(scene.set, question, () => scene.fleet);
    tally.add({ what, unit: "ms", better: "lower", wanted: "<= 1,000 ms" }, performance.now() - startMs);
    tally.add({ what: `${what}: longest hold of the event loop`, unit: "ms", better: "lower", wanted: "<= 50 ms" }, stop().longestMs);
  };
  try {
    await judge("gate of a wave, the thread starts and is given the inventory", questionAt(scene, Gate.WAVE));
    await judge("gate of Submit, the inventory is there", questionAt(scene, Gate.SUBMIT));
    await judge("gate of a wave, the inventory is there", questionAt(scene, Gate.WAVE));
  } finally {
    judging.close();
  }
}

async function onOneThread(scene: Scene, tally: Tally): Promise<void> {
  for (const [what, gate] of [["Submit", Gate.SUBMIT] as const, ["a wave", Gate.WAVE] as const]) {
    const question = questionAt(scene, gate);
    const budget = budgetOf({ exprCostMax: EXPR_COST_WORKER_MAX, gateCostMax: GATE_COST_WORKER_MAX });
    await tally.addTime(`gate of ${what}, the evaluation alone`, () =>
      judgeGate(scene.set, question, { fleet: () => scene.fleet, budget }),
    );
  }
}

async function judgeTasks(scene: Scene, tally: Tally): Promise<void> {
  const tasks = async (what: string, sources: Parameters<typeof fixedPolicies>[0], uses: string): Promise<void> => {
    const policies = fixedPolicies(sources, { fleet: () => scene.fleet });
    const action = { name: "apply", uses, with: { path: "/etc/motd" } };
    const stages = [{ name: "fix", over: { kind: { case: "targets" as const, value: true } }, actions: [action] }];
    const submitted = aSubmission({ stages, targets: scene.targets });
    const judgeAll = (): void => {
      for (const target of scene.targets) policies.judgeTask(aTaskQuestion({ submitted, target }));
    };
    await tally.addRate(`gate of a task, ${what}`, TARGETS, judgeAll, { wanted: ">= 50,000 /s" });
  };
  const own = [{ file: "tasks.yaml", source: TASK_POLICY }];
  await tasks("the samples, no limit", scene.samples, "file");
  await tasks("the samples, two limits", scene.samples, "erase@1");
  await tasks("three rules, two of which name the target", own, "file");
  await tasks("three rules, two limits", own, "erase@1");
}
