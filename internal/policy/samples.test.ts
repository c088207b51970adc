// The policies that are shipped: their own tests pass, and they fit together in one directory with the examples that are shipped.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { create } from "@bufbuild/protobuf";
import { FakeClock } from "../../test/fakes/fake-clock.ts";
import { aGateQuestion, aTaskQuestion } from "../../test/fakes/policy-question.ts";
import { ActionKindSchema, Effects, Mode, WorkflowSubmittedSchema } from "../gen/holdfast/v1/event_pb.ts";
import type { WorkflowSubmitted } from "../gen/holdfast/v1/event_pb.ts";
import { Decision, Gate } from "../gen/holdfast/v1/policy_pb.ts";
import type { GateQuestion } from "../engine/ports.ts";
import { TargetSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import { readWorkflowFile } from "../sdk/workflow-file.ts";
import { checkPolicies, findPolicyFiles } from "./policy-check.ts";
import { createPolicies } from "./policies.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const POLICIES = join(ROOT, "policies");
const EXAMPLES = join(ROOT, "examples");

const read = async (text: string) => (await readWorkflowFile(text, { file: "workflow", readSource: async () => undefined })).definition;

/** The workflow files of the examples: what has stages. */
function exampleFiles(): readonly string[] {
  const files = readdirSync(EXAMPLES).flatMap((name) => readdirSync(join(EXAMPLES, name)).map((file) => join(EXAMPLES, name, file)));
  return files.filter((file) => file.endsWith(".yaml") && existsSync(file) && /^stages:/m.test(readFileSync(file, "utf8")));
}

async function submittedFrom(file: string): Promise<WorkflowSubmitted> {
  const { definition } = await readWorkflowFile(readFileSync(file, "utf8"), { file, readSource: async () => new Uint8Array() });
  const targets = Array.from({ length: 50 }, (_, index) =>
    create(TargetSchema, { name: `m-${index}`, labels: { role: "web", site: "ams" } }),
  );
  const params = "site" in definition.params ? { site: "ams" } : {};
  const uses = new Set(definition.stages.flatMap(({ actions }) => actions.map((action) => action.uses)));
  const actionKinds = [...uses].map((name) => create(ActionKindSchema, { uses: name, effects: Effects.UNSAFE }));
  return create(WorkflowSubmittedSchema, { definition, targets, params, mode: Mode.APPLY, actionKinds });
}

test("every shipped policy is whole, has tests that allow and that hold back, and passes them", async () => {
  const reports = await checkPolicies(findPolicyFiles([POLICIES]), read);
  expect(reports.map(({ policy }) => policy).sort()).toEqual([
    "allowed-actions",
    "blast-radius",
    "change-window",
    "four-eyes",
    "same-args",
    "satellite-disk-erase",
    "start-or-end",
  ]);
  for (const { fault, tests, warnings, file } of reports) {
    expect(fault).toBe("");
    expect(warnings, file).toEqual([]);
    expect(tests.filter(({ isPassed }) => !isPassed)).toEqual([]);
    // A sample denies because of what it says, never because one of its expressions fails.
    expect(tests.flatMap(({ name, lines }) => lines.map((line) => `${file}: ${name}: ${line}`))).toEqual([]);
  }
});

test.each(exampleFiles())("the example %s goes through all gates under all shipped policies together", async (file) => {
  const submitted = await submittedFrom(file);
  const inventory = { targets: () => submitted.targets };
  const policies = createPolicies({ directory: POLICIES, clock: new FakeClock(), inventory, log: () => undefined });
  const decide = async (question: Partial<GateQuestion>) => {
    const { verdict } = await policies.judge(aGateQuestion({ submitted, ...question }));
    return [verdict.decision, ...verdict.rules.map(({ policy, rule, message }) => `${policy}/${rule}: ${message}`)];
  };
  expect(await decide({ gate: Gate.SUBMIT })).toEqual([Decision.ALLOW]);
  expect(await decide({ gate: Gate.EXEC })).toEqual([Decision.ALLOW]);
  for (const [stage, { over, actions }] of (submitted.definition?.stages ?? []).entries()) {
    const targets = submitted.targets.slice(0, 1);
    if (over !== undefined) expect(await decide({ gate: Gate.WAVE, stage, wave: 0, targets })).toEqual([Decision.ALLOW]);
    for (const action of actions.keys()) {
      const target = over === undefined ? undefined : targets[0];
      expect(policies.judgeTask(aTaskQuestion({ submitted, stage, action, target })).verdict.decision).toBe(Decision.ALLOW);
    }
  }
  policies.close();
});
