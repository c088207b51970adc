// How fast policies are judged: the shipped samples over 100,000 targets on one thread, and tasks a second. Run: npx node test/bench/policies.ts
// 1. Figures are printed, not asserted: they are of the reader's machine. Wanted: under a second off the event loop; 50,000 tasks a second.

import { fileURLToPath } from "node:url";
import { EXPR_COST_WORKER_MAX, GATE_COST_WORKER_MAX } from "../../internal/base/limits.ts";
import { Gate } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import { budgetOf } from "../../internal/policy/asking.ts";
import { countFleet } from "../../internal/policy/fleet-counts.ts";
import { judgeGate } from "../../internal/policy/gate-judge.ts";
import { fixedPolicies } from "../../internal/policy/policies.ts";
import { findPolicyFiles } from "../../internal/policy/policy-check.ts";
import { readPolicy } from "../../internal/policy/policy-file.ts";
import { policySet } from "../../internal/policy/policy-set.ts";
import { aGateQuestion, aSubmission, aTaskQuestion, someTargets } from "../fakes/policy-question.ts";

const TARGETS = 100_000;
const ROUNDS = 5;

const TASK_POLICY = `
name: tasks
match: 'true'
rules:
  - { name: known, gates: [task], enforcement: deny, expr: 'task.uses != "shell"', message: '"no shell"' }
  - { name: site, gates: [task], enforcement: deny, expr: 'target.labels.site != "lab"', message: '"not there"' }
  - { name: kept, gates: [task], enforcement: deny, expr: '!has(target.labels.keep)', message: '"it is kept"' }
limits:
  - { name: one-site-an-hour, match: 'task.uses == "file"', key: '"erase"', each: target.labels.site, tokens: 1, period: 1h }
  - { name: five-at-a-time, match: 'task.uses == "file"', key: '"erase/" + target.labels.site', concurrency: 5 }
`;

const targets = someTargets(TARGETS, (index) => ({ site: `site-${index % 100}`, role: "web" }));
const fleet = countFleet(targets);

const samples = findPolicyFiles([fileURLToPath(new URL("../../policies", import.meta.url))]);
const versions = samples.map(({ file, source }) => readPolicy(file, source));
const set = policySet({ isConfigured: true, versions, broken: [] }, []);
for (const gate of [Gate.SUBMIT, Gate.WAVE] as const) {
  const times: number[] = [];
  let asked = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const submitted = aSubmission({ targets: [...targets], annotations: { tier: "production" } });
    const question = aGateQuestion({ submitted, targets: submitted.targets, gate, stage: 0, wave: 0 });
    const budget = budgetOf({ exprCostMax: EXPR_COST_WORKER_MAX, gateCostMax: GATE_COST_WORKER_MAX });
    const startMs = performance.now();
    asked = judgeGate(set, question, { fleet: () => fleet, budget }).rulesAsked;
    times.push(performance.now() - startMs);
  }
  const name = gate === Gate.SUBMIT ? "submit" : "wave";
  console.log(
    `${samples.length} sample policies, gate ${name}, ${TARGETS} targets, ${asked} rules: ${times.map((ms) => ms.toFixed(0)).join(" ")} ms`,
  );
}

const policies = fixedPolicies([{ file: "tasks.yaml", source: TASK_POLICY }], { fleet: () => fleet });
const submitted = aSubmission({ targets: [...targets] });
for (let round = 0; round < ROUNDS; round++) {
  const startMs = performance.now();
  for (const target of targets) policies.judgeTask(aTaskQuestion({ submitted, target }));
  const ms = performance.now() - startMs;
  console.log(`tasks, 3 rules and 2 limits: ${Math.round((TARGETS * 1_000) / ms).toLocaleString("en")}/s`);
}
