// How fast policies are judged: the shipped samples over 100,000 targets, off the event loop as the service does it, and tasks a second.
// Run: npm run bench -- policies

import { openJudging } from "../../cmd/holdfastd/judging.ts";
import { EXPR_COST_WORKER_MAX, GATE_COST_WORKER_MAX } from "../../internal/base/limits.ts";
import type { GateQuestion } from "../../internal/engine/ports.ts";
import { Gate } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import { budgetOf } from "../../internal/policy/asking.ts";
import { countFleet } from "../../internal/policy/fleet-counts.ts";
import { judgeGate } from "../../internal/policy/gate-judge.ts";
import { fixedPolicies } from "../../internal/policy/policies.ts";
import { readPolicy } from "../../internal/policy/policy-file.ts";
import { policySet } from "../../internal/policy/policy-set.ts";
import { systemClock } from "../../internal/system/clock.ts";
import { watchLoop } from "../fakes/loop-watch.ts";
import { aGateQuestion, aSubmission, aTaskQuestion, someTargets } from "../fakes/policy-question.ts";
import { sampleSources } from "./bench-service.ts";
import { fastest, inMs, perSecond, printTable } from "./table.ts";
import type { Row } from "./table.ts";

const TARGETS = 100_000;
const ROUNDS = 5;

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

const targets = someTargets(TARGETS, (index) => ({ site: `site-${index % 100}`, role: "web", rack: `r${index % 1_000}` }));
const fleet = countFleet(targets);
const samples = sampleSources();
const versions = samples.map(({ file, source }) => readPolicy(file, source));
const set = policySet({ isConfigured: true, versions, broken: [] }, []);
// The name has the dearest sample match, which looks at each target.
const submission = () => aSubmission({ name: "satellite-disk-erase", targets, annotations: { tier: "production" } });

function questionAt(gate: Gate): GateQuestion {
  const submitted = submission();
  const isWave = gate === Gate.WAVE;
  return aGateQuestion({ submitted, targets: submitted.targets, gate, ...(isWave ? { stage: 0, wave: 0 } : {}) });
}

async function offTheLoop(): Promise<readonly Row[]> {
  const judging = openJudging({ clock: systemClock, inventory: { targets: () => targets }, log: (line) => console.error(line) });
  const rows: Row[] = [];
  const measure = async (what: string, question: GateQuestion): Promise<void> => {
    const stop = watchLoop();
    const startMs = performance.now();
    const { rulesAsked } = await judging.judge(set, question, () => fleet);
    const ms = performance.now() - startMs;
    rows.push({ what: `${what}, ${rulesAsked} rules`, figure: inMs(ms), wanted: "< 1,000 ms" });
    rows.push({ what: "the event loop was held at most", figure: inMs(stop().longestMs), wanted: "< 50 ms" });
  };
  await measure("wave, the thread starts, inventory and scope travel to it", questionAt(Gate.WAVE));
  await measure("submit, the inventory is there", questionAt(Gate.SUBMIT));
  const wave = questionAt(Gate.WAVE);
  await measure("wave, the inventory is there", wave);
  await measure("the same wave again", wave);
  judging.close();
  return rows;
}

async function onOneThread(): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const gate of [Gate.SUBMIT, Gate.WAVE]) {
    const ms = await fastest(ROUNDS, () => {
      const budget = budgetOf({ exprCostMax: EXPR_COST_WORKER_MAX, gateCostMax: GATE_COST_WORKER_MAX });
      judgeGate(set, questionAt(gate), { fleet: () => fleet, budget });
    });
    rows.push({ what: `${gate === Gate.SUBMIT ? "submit" : "wave"}, the evaluation alone`, figure: inMs(ms) });
  }
  return rows;
}

async function tasks(what: string, sources: Parameters<typeof fixedPolicies>[0], uses: string): Promise<Row> {
  const policies = fixedPolicies(sources, { fleet: () => fleet });
  const action = { name: "apply", uses, with: { path: "/etc/motd" } };
  const stages = [{ name: "fix", over: { kind: { case: "targets" as const, value: true } }, actions: [action] }];
  const submitted = aSubmission({ stages, targets });
  const ms = await fastest(ROUNDS, () => {
    for (const target of targets) policies.judgeTask(aTaskQuestion({ submitted, target }));
  });
  return { what, figure: perSecond(TARGETS, ms), wanted: "≥ 50,000/s" };
}

printTable(`${samples.length} sample policies, a scope of ${TARGETS.toLocaleString("en")} targets`, [
  ...(await offTheLoop()),
  ...(await onOneThread()),
]);
printTable("The task gate, on the event loop", [
  await tasks("the samples, an action that no limit is for", samples, "file"),
  await tasks("the samples, an action with two limits", samples, "erase@1"),
  await tasks("three rules, two of which name the target", [{ file: "tasks.yaml", source: TASK_POLICY }], "file"),
  await tasks("three rules and two limits", [{ file: "tasks.yaml", source: TASK_POLICY }], "erase@1"),
]);
