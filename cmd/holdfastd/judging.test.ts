import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { HoldfastError } from "../../internal/base/errors.ts";
import { EXPR_COST_WORKER_MAX, GATE_COST_WORKER_MAX } from "../../internal/base/limits.ts";
import { JUDGE_LOOP_TARGETS_MAX } from "../../internal/base/worker-limits.ts";
import type { GateQuestion, LedgerReader } from "../../internal/engine/ports.ts";
import { Mode } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { Gate } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import { ParamSchema, ParamType, TargetSchema, TargetSelectorSchema } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import type { Target } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { budgetOf } from "../../internal/policy/asking.ts";
import { countFleet } from "../../internal/policy/fleet-counts.ts";
import { judgeGate } from "../../internal/policy/gate-judge.ts";
import type { GateAnswer } from "../../internal/policy/gate-judge.ts";
import { readSource } from "../../internal/policy/policy-directory.ts";
import { policySet } from "../../internal/policy/policy-set.ts";
import type { PolicySet } from "../../internal/policy/policy-set.ts";
import { systemClock } from "../../internal/system/clock.ts";
import { selectTargets } from "../../internal/workflow/targets.ts";
import { failingWorker } from "../../test/fakes/failing-worker.ts";
import { HELD_MS_MAX, watchLoop } from "../../test/fakes/loop-watch.ts";
import { aGateQuestion, aSubmission, someTargets } from "../../test/fakes/policy-question.ts";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { openJudging } from "./judging.ts";
import type { Judging } from "./judging.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const LARGE = JUDGE_LOOP_TARGETS_MAX + 1;
const SITES = ["ams", "fra", "ber", "muc"];
/** No two sites count alike, and the version says which count it is of. */
const LEDGER: LedgerReader = {
  touched: (window, dimension) => {
    const { length } = JSON.stringify([window, dimension]);
    return { count: dimension.kind === "label" ? SITES.indexOf(dimension.value) : length, version: length };
  },
};

let closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers) close();
  closers = [];
});

function opened(targets: readonly Target[], options: { readonly questionMsMax?: number; readonly entry?: URL } = {}): Judging {
  const judging = openJudging({ clock: systemClock, inventory: { targets: () => targets }, log: () => undefined, ...options });
  closers.push(() => judging.close());
  return judging;
}

function setOf(...sources: readonly string[]): PolicySet {
  const readings = sources.map((source, index) => readSource(`p${index}.yaml`, source));
  expect(readings.map(({ fault }) => fault).join("")).toBe("");
  return policySet(
    { isConfigured: true, versions: readings.flatMap(({ policy }) => (policy === undefined ? [] : [policy])), broken: [] },
    [],
  );
}

function aPolicy(expr: string, enforcement = "wait"): string {
  return `name: p\nmatch: 'true'\nrules:\n  - { name: r, gates: [submit, wave], enforcement: ${enforcement}, message: '"not so"', expr: '${expr}' }\n`;
}

function sampleSet(): PolicySet {
  const directory = join(ROOT, "policies");
  const files = readdirSync(directory).filter((file) => file.endsWith(".yaml"));
  return setOf(...files.map((file) => readFileSync(join(directory, file), "utf8")));
}

/** What the same judge says here, with the same budget. */
function judgedHere(set: PolicySet, question: GateQuestion, inventory: readonly Target[]): GateAnswer {
  const fleet = countFleet(inventory);
  const answer = judgeGate(set, question, {
    fleet: () => fleet,
    budget: budgetOf({ exprCostMax: EXPR_COST_WORKER_MAX, gateCostMax: GATE_COST_WORKER_MAX }),
  });
  return { ...answer, current: answer.current.map(({ name, digest }) => ({ name, digest })) };
}

/** The worker's answer must be the loop's. */
async function check(judging: Judging, set: PolicySet, { question, inventory }: { question: GateQuestion; inventory: readonly Target[] }) {
  const there = await judging.judge(set, question, () => countFleet(inventory));
  const { current, ...rest } = there;
  expect({ ...rest, current: current.map(({ name, digest }) => ({ name, digest })) }).toEqual(judgedHere(set, question, inventory));
  return there;
}

const bySite = (index: number): Record<string, string> => ({ site: SITES[index % SITES.length] ?? "", rack: `r${index % 7}` });

test("the samples say of a large scope in the worker what they say on the loop, at every gate", async () => {
  const inventory = someTargets(LARGE + 500, bySite);
  const judging = opened(inventory);
  const submitted = aSubmission({ name: "satellite-disk-erase", targets: inventory.slice(0, LARGE), annotations: { tier: "production" } });
  const answers = [];
  for (const gate of [Gate.SUBMIT, Gate.EXEC, Gate.WAVE]) {
    const targets = gate === Gate.WAVE ? submitted.targets.filter((_, index) => index % 3 === 0) : submitted.targets;
    const place = gate === Gate.WAVE ? { stage: 0, wave: 0 } : {};
    const question = aGateQuestion({ gate, submitted, targets, ledger: LEDGER, ...place });
    answers.push(await check(judging, sampleSet(), { question, inventory }));
  }
  expect(answers.at(-1)?.readings).toHaveLength(SITES.length);
});

test("whatever the scope, the worker reads of the ledger what the loop would, and answers as it would", async () => {
  const inventory = someTargets(3_000, bySite);
  const judging = opened(inventory);
  const set = setOf(
    aPolicy(
      'countBy(targets, "site").all(s, n, ledger.touched("1h", "site", s) + n < fleet.count("site", s) || ledger.touchedByAction("24h", s) > 55)',
    ),
  );
  const scopes = fc.uniqueArray(fc.nat(inventory.length - 1), { minLength: 1, maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(scopes, fc.boolean(), async (gaps, isOwnList) => {
      const chosen = inventory.filter((_, index) => !gaps.includes(index));
      // Targets that were read back from the journal are not the inventory's own.
      const targets = isOwnList ? chosen.map(({ name, labels }) => create(TargetSchema, { name, labels })) : chosen;
      const submitted = aSubmission({ targets });
      const some = submitted.targets.filter((_, index) => gaps.includes(index));
      const question = aGateQuestion({ gate: Gate.WAVE, stage: 0, wave: 0, submitted, targets: some, ledger: LEDGER });
      await check(judging, set, { question, inventory });
    }),
    { numRuns: 25 },
  );
});

test("a small scope whose rule is dear is judged in the worker, with the worker's budget", async () => {
  const inventory = someTargets(400, bySite);
  const set = setOf(aPolicy("targets.all(a, targets.all(b, a.name != b.name || a == b))"));
  const question = aGateQuestion({ submitted: aSubmission({ targets: inventory }), ledger: LEDGER });
  const { findings } = await check(opened(inventory), set, { question, inventory });
  expect(findings).toEqual([]);
});

test("a judgement during which the thread dies is made again on a fresh one", async () => {
  const inventory = someTargets(LARGE, bySite);
  const once = join(temporaryDirectory(), "failed");
  const entry = failingWorker({ how: "exit", once });
  const question = aGateQuestion({ submitted: aSubmission({ targets: inventory }), ledger: LEDGER });
  await check(opened(inventory, { entry }), sampleSet(), { question, inventory });
  expect(existsSync(once)).toBe(true);
});

const dyingEachTime = (inventory: readonly Target[]): Judging =>
  opened(inventory, { entry: failingWorker({ how: "exit", once: undefined }) });

test("a thread that dies each time makes a judgement UNAVAILABLE", async () => {
  const inventory = someTargets(LARGE, bySite);
  const question = aGateQuestion({ submitted: aSubmission({ targets: inventory }) });
  const judgement = dyingEachTime(inventory).judge(sampleSet(), question, () => countFleet(inventory));
  await expect(judgement).rejects.toMatchObject({
    code: "UNAVAILABLE",
    message: expect.stringContaining("ended 3 times; ask again later"),
  });
});

test("a thread that dies each time makes a choice UNAVAILABLE", async () => {
  const known = someTargets(LARGE, bySite);
  const selector = create(TargetSelectorSchema, { where: "true" });
  const choice = dyingEachTime(known).chooser.choose(selector, { known, params: {}, declared: {}, expected: [] });
  await expect(choice).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

test("a judgement that takes too long is denied with the reason, and the next one is judged", async () => {
  const inventory = someTargets(LARGE, bySite);
  const entry = failingWorker({ how: "hang", once: join(temporaryDirectory(), "failed") });
  const judging = opened(inventory, { entry, questionMsMax: 2_000 });
  const question = aGateQuestion({ submitted: aSubmission({ targets: inventory }), ledger: LEDGER });
  const { findings } = await judging.judge(sampleSet(), question, () => countFleet(inventory));
  expect(findings.map(({ message }) => message)).toEqual([
    `the rules of this gate could not be asked about ${LARGE} targets: it took longer than 2 s`,
  ]);
  await check(judging, sampleSet(), { question, inventory });
});

test("after close nothing is judged, and what waits is UNAVAILABLE", async () => {
  const inventory = someTargets(LARGE, bySite);
  const judging = opened(inventory);
  const question = aGateQuestion({ submitted: aSubmission({ targets: inventory }) });
  const judgement = judging.judge(sampleSet(), question, () => countFleet(inventory));
  judging.close();
  await expect(judgement).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

test("a rule that asks the ledger for more counts than are read is denied", async () => {
  const inventory = someTargets(20_000, bySite);
  const question = aGateQuestion({ submitted: aSubmission({ targets: inventory }), ledger: LEDGER });
  const set = setOf(aPolicy('targets.all(t, ledger.touched("1h", "name", t.name) < 1)'));
  const { findings } = await opened(inventory).judge(set, question, () => countFleet(inventory));
  expect(findings.map(({ message }) => message)).toEqual(["the rules of this gate ask the ledger for more than 10000 counts"]);
});

test("a hostile rule over a large scope does not hold the event loop, and is denied for what it costs", async () => {
  const inventory = someTargets(100_000, bySite);
  const judging = opened(inventory);
  const submitted = aSubmission({ targets: inventory, mode: Mode.APPLY });
  const set = setOf(aPolicy(`targets.all(a, targets.all(b, a.name + b.name != "x"))`));
  const stop = watchLoop();
  const { findings } = await judging.judge(set, aGateQuestion({ submitted, ledger: LEDGER }), () => countFleet(inventory));
  const { longestMs, turns } = stop();
  expect(findings.map(({ message }) => message)).toEqual([expect.stringMatching(/could not be asked.* costs more than 10000000 steps/)]);
  expect(longestMs).toBeLessThan(HELD_MS_MAX);
  expect(turns).toBeGreaterThan(10);
});

const DECLARED = { site: create(ParamSchema, { type: ParamType.STRING }) };
const CHOICES: readonly (readonly [what: string, selector: { where?: string; names?: string[] }, expected: number | undefined])[] = [
  ["a condition", { where: "target.labels.site == params.site && target.labels.rack != 'r3'" }, undefined],
  ["all", { where: "true" }, undefined],
  ["a label that some lack", { where: "target.labels.role == 'db'" }, undefined],
  ["a label that none has", { where: "target.labels.rol == 'db'" }, undefined],
  ["nothing chosen", { where: "target.labels.site == 'x'" }, undefined],
  ["another number than expected", { where: "true" }, 3],
  ["a condition that fails", { where: "target.labels.rack.size() / 0 > 1" }, undefined],
  [
    "a condition that is too dear",
    {
      where:
        '"x".replace("x", "yyyyyyyy").replace("y", "zzzzzzzz").size() + target.name.size() > 0 && [1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, [1,2,3,4,5,6,7,8,9].all(d, a + b + c + d > 0))))',
    },
    undefined,
  ],
  ["names", { names: ["web-5", "web-3"] }, undefined],
  ["a name that is not there", { names: ["web-5", "web-x"] }, undefined],
  ["a name twice", { names: ["web-5", "web-5"] }, undefined],
  ["both", { names: ["web-5"], where: "true" }, undefined],
  ["neither", {}, undefined],
];

test.each(CHOICES)("a choice in the worker is that of the loop: %s", async (_, fields, expected) => {
  const known = someTargets(LARGE, (index) => ({ ...bySite(index), ...(index % 11 === 0 ? { role: "db" } : {}) }));
  const selector = create(TargetSelectorSchema, fields);
  const selection = { known, params: { site: "ams" }, declared: DECLARED, expected: expected === undefined ? [] : [expected] };
  const there = await settled(() => opened(known).chooser.choose(selector, selection));
  expect(there).toEqual(await settled(async () => selectTargets(selector, selection)));
});

test("a dear condition over a small inventory does not hold the event loop", async () => {
  const known = someTargets(1_000);
  const digits = `[${Array.from({ length: 30 }, (_, index) => index).join(",")}]`;
  const selector = create(TargetSelectorSchema, { where: `${digits}.all(a, ${digits}.all(b, a + b >= 0))` });
  const selection = { known, params: {}, declared: {}, expected: [] };
  const stop = watchLoop();
  const chosen = await opened(known).chooser.choose(selector, selection);
  expect(stop().longestMs).toBeLessThan(HELD_MS_MAX);
  expect(chosen).toHaveLength(1_000);
});

/** What came of it, in a form that can be compared. */
async function settled(choose: () => Promise<readonly Target[]>): Promise<unknown> {
  try {
    return (await choose()).map(({ name }) => name);
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return { code: error.code, message: error.message, details: error.details };
  }
}
