// The tests of a policy file: a workflow, a fleet, a moment, and what must follow. `holdfast policy check` runs them.
// 1. It parses, and the service too refuses a file whose tests are not in form; the workflow itself is read where the tests run.

import { fromJson } from "@bufbuild/protobuf";
import { TimestampSchema, timestampMs } from "@bufbuild/protobuf/wkt";
import type { FileCursor, FileFields } from "../base/file-cursor.ts";
import { isJsonObject } from "../base/json.ts";
import type { JsonObject } from "../base/json.ts";
import { TARGETS_MAX } from "../base/limits.ts";
import { didYouMean } from "../base/nearest.ts";
import { placeName } from "../base/place.ts";
import { Gate } from "../gen/holdfast/v1/policy_pb.ts";
import type { PolicyTest, TestApproval, TestPerson, TestTarget } from "./policy.ts";
import { WINDOWS } from "./policy-expression.ts";
import { readExpectation } from "./test-expectation.ts";
import { GATE_NAMES } from "./vocabulary.ts";

const TEST_FIELDS = [
  "name",
  "description",
  "workflow",
  "params",
  "annotations",
  "namespace",
  "key",
  "mode",
  "effects",
  "fleet",
  "principal",
  "approvals",
  "ledger",
  "now",
  "gate",
  "stage",
  "wave",
  "action",
  "target",
  "targets",
  "expect",
] as const;
const TARGET_FIELDS = ["name", "count", "labels"] as const;
const PERSON_FIELDS = ["name", "roles"] as const;
const APPROVAL_FIELDS = ["name", "roles", "ago", "reason"] as const;
const TEST_NAME = /^[^\n\r]{1,200}$/u;
/** A Monday morning: inside of most change windows. */
const NOW_MS_DEFAULT = 1_767_607_200_000;
const DIMENSION = /^(?:all|label:[^=]+=.*|action:.+|principal:.+)$/s;

type TestFields = FileFields<(typeof TEST_FIELDS)[number]>;

/** Reads one test. */
export function readTest(
  field: FileCursor,
  names: { readonly rules: readonly string[]; readonly limits: readonly string[] },
): PolicyTest | undefined {
  const fields = field.fields(TEST_FIELDS, "a test");
  if (fields === undefined) return undefined;
  const name = fields.need("name", "write in a sentence what the test shows")?.word(TEST_NAME, "one line of at most 200 characters");
  fields.read("description", (item) => item.text());
  const workflow = fields.need("workflow", "write a workflow as in a workflow file");
  if (workflow !== undefined && !isJsonObject(workflow.value)) workflow.refuse("must be a workflow as in a workflow file");
  const expect = fields.need("expect", "say what must follow: allow, or for example { deny: [rule] }");
  const expectation = expect === undefined ? undefined : readExpectation(expect, names);
  const text = (key: "namespace" | "key" | "stage" | "action" | "target"): string | undefined => fields.read(key, (item) => item.text());
  const mode = fields.read("mode", (item) => item.word(/^(?:apply|plan)$/, "apply or plan"));
  const about = readAbout(fields);
  const place = { stage: text("stage"), action: text("action"), target: text("target") };
  const facts = {
    fleet: fields.read("fleet", readFleet) ?? [],
    principal: fields.read("principal", readPerson) ?? { name: "ann", roles: ["submitter"] },
    approvals: fields.read("approvals", (item) => item.items("approvals").flatMap((person) => readApproval(person) ?? [])) ?? [],
    ledger: fields.read("ledger", readLedger) ?? new Map<string, number>(),
    nowMs: fields.read("now", readNow) ?? NOW_MS_DEFAULT,
  };
  const gate = fields.read("gate", readGate);
  const wave = fields.read("wave", (item) => item.number({ min: 0, max: TARGETS_MAX, isWhole: true })) ?? 0;
  const targets = fields.read("targets", (item) => item.items("targets").flatMap((target) => target.text() ?? []));
  if (name === undefined || workflow === undefined || expectation === undefined) return undefined;
  return {
    name,
    place: placeName(field.faults.file.file, field.faults.file.near(field.path)),
    workflowPath: workflow.path,
    workflow: workflow.value,
    ...about,
    namespace: text("namespace") ?? "default",
    key: text("key") ?? "",
    isPlan: mode === "plan",
    ...facts,
    gate: gate ?? impliedGate(place),
    ...place,
    wave,
    targets,
    expect: expectation,
  };
}

/** Naming an action asks at its task gate. */
function impliedGate({ stage, action }: { readonly stage: string | undefined; readonly action: string | undefined }): Gate | undefined {
  if (action !== undefined) return Gate.TASK;
  return stage === undefined ? undefined : Gate.WAVE;
}

function readAbout(fields: TestFields): Pick<PolicyTest, "params" | "annotations" | "effects"> {
  const effects: { [uses: string]: "none" | "idempotent" | "unsafe" } = {};
  for (const [uses, item] of fields.get("effects")?.entries("effects") ?? []) {
    const found = item.word(/^(?:none|idempotent|unsafe)$/, "none, idempotent or unsafe");
    if (found === "none" || found === "idempotent" || found === "unsafe") effects[uses] = found;
  }
  return {
    params: fields.read("params", readObject) ?? {},
    annotations: fields.read("annotations", (item) => item.texts("annotations")) ?? {},
    effects,
  };
}

function readObject(field: FileCursor): JsonObject | undefined {
  return isJsonObject(field.value) ? field.value : field.refuse("must be a map");
}

/** `{ name: "ams-{n}", count: 50, labels: { site: ams } }` is fifty targets. */
function readFleet(field: FileCursor): readonly TestTarget[] {
  const groups = field.items("fleet").flatMap((item) => readGroup(item) ?? []);
  // Before any of them is made: a few bytes may name very many.
  const size = groups.reduce((sum, { count }) => sum + (count ?? 1), 0);
  if (size > TARGETS_MAX) {
    field.refuse(`at most ${TARGETS_MAX} targets; found ${size}`);
    return [];
  }
  const fleet = groups.flatMap((group) => targetsOf(group));
  const seen = new Set<string>();
  for (const { name } of fleet) {
    if (seen.has(name)) field.refuse("a target's name stands twice");
    seen.add(name);
  }
  return [...fleet].sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** Targets as they are written: one, or so many of a kind. */
interface TargetGroup extends TestTarget {
  readonly count: number | undefined;
}

function readGroup(item: FileCursor): TargetGroup | undefined {
  const fields = item.fields(TARGET_FIELDS, "a target");
  if (fields === undefined) return undefined;
  const name = fields.need("name", 'write for example name: web-1, or name: "web-{n}" with count: 10')?.text();
  const labels = fields.read("labels", (field) => field.texts("labels")) ?? {};
  const count = fields.read("count", (field) => field.number({ min: 1, max: TARGETS_MAX, isWhole: true }));
  if (name === undefined) return undefined;
  if (count !== undefined && !name.includes("{n}")) {
    item.refuse('with count the name holds {n}, the number of each: name: "web-{n}"');
    return undefined;
  }
  return { name, labels, count };
}

function targetsOf({ name, labels, count }: TargetGroup): readonly TestTarget[] {
  if (count === undefined) return [{ name, labels }];
  const width = String(count).length;
  return Array.from({ length: count }, (_, index) => {
    const number = String(index + 1).padStart(width, "0");
    const own = Object.entries(labels).map(([label, value]) => [label, value.replaceAll("{n}", number)] as const);
    return { name: name.replaceAll("{n}", number), labels: Object.fromEntries(own) };
  });
}

function readPerson(field: FileCursor): TestPerson | undefined {
  const fields = field.fields(PERSON_FIELDS, "a person");
  return fields === undefined ? undefined : readNamed(fields);
}

function readNamed(fields: FileFields<"name" | "roles">): TestPerson | undefined {
  const name = fields.need("name", "write for example name: ann")?.text();
  const roles = fields.read("roles", (item) => item.items("roles").flatMap((role) => role.text() ?? [])) ?? [];
  return name === undefined ? undefined : { name, roles: [...roles].sort() };
}

/** A person, with `ago: 5h` and `reason: TEXT`. */
function readApproval(field: FileCursor): TestApproval | undefined {
  const fields = field.fields(APPROVAL_FIELDS, "an approval");
  const person = fields === undefined ? undefined : readNamed(fields);
  if (fields === undefined || person === undefined) return undefined;
  const agoMs = fields.read("ago", (item) => item.durationMs()) ?? 0;
  return { ...person, agoMs, hasReason: (fields.read("reason", (item) => item.text()) ?? "") !== "" };
}

/** `{ 1h: { "label:site=ams": 3, "action:erase@1": 2, "principal:ann": 1, all: 10 } }` */
function readLedger(field: FileCursor): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const [window, dimensions] of field.entries("ledger")) {
    if (!WINDOWS.some((known) => known === window)) {
      dimensions.faults.addKey(dimensions.path, `there is no such window${didYouMean(window, WINDOWS)}; windows are ${WINDOWS.join(", ")}`);
      continue;
    }
    for (const [dimension, item] of dimensions.entries("a window")) {
      if (!DIMENSION.test(dimension)) item.faults.addKey(item.path, "write label:NAME=VALUE, action:USES, principal:NAME or all");
      const count = item.number({ min: 0, max: 4_294_967_295, isWhole: true });
      if (count !== undefined) counts.set(`${window} ${dimension}`, count);
    }
  }
  return counts;
}

function readNow(field: FileCursor): number | undefined {
  const text = field.text();
  if (text === undefined) return undefined;
  try {
    return timestampMs(fromJson(TimestampSchema, text));
  } catch {
    return field.refuse("must be a moment such as 2026-01-05T10:00:00Z");
  }
}

function readGate(field: FileCursor): Gate | undefined {
  const text = field.text();
  if (text === undefined) return undefined;
  const names = [...GATE_NAMES.keys()];
  return GATE_NAMES.get(text) ?? field.refuse(`there is no such gate${didYouMean(text, names) || "; gates are"} ${names.join(", ")}`);
}
