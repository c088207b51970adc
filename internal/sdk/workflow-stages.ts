// The stages of a workflow file: what they run over, how they roll out, and their actions.
// 1. It parses: what comes out is within the bounds of the wire, or is a fault with its place.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { Duration } from "@bufbuild/protobuf/wkt";
import { isJsonObject } from "../base/json.ts";
import type { JsonObject } from "../base/json.ts";
import {
  ACTIONS_PER_STAGE_MAX,
  ALTERNATIVES_MAX,
  AWAIT_MS_MAX,
  HEARTBEAT_MS_MAX,
  HEARTBEAT_MS_MIN,
  PARALLEL_MAX,
  TARGETS_MAX,
  WAVES_MAX,
} from "../base/limits.ts";
import { OnUnknown, StageUndo } from "../gen/holdfast/v1/workflow_pb.ts";
import type {
  ActionSchema,
  AlternativeSchema,
  AmountSchema,
  RolloutSchema,
  StageSchema,
  UndoSchema,
} from "../gen/holdfast/v1/workflow_pb.ts";
import type { FileCursor, FileFields } from "./file-cursor.ts";
import { readCompletion } from "./workflow-completion.ts";
import { readOver } from "./workflow-over.ts";
import { readExpressions } from "./workflow-signals.ts";
import { duration, readRetry } from "./workflow-retry.ts";
import { readRepeat } from "./workflow-repeat.ts";
import { readRate } from "./workflow-rate.ts";

const STAGE_FIELDS = [
  "name",
  "over",
  "rollout",
  "lock",
  "actions",
  "annotations",
  "needs",
  "continue_on_error",
  "on_success",
  "on_failure",
  "always",
  "undo",
  "deadline",
  "repeat",
] as const;
const ROLLOUT_FIELDS = ["waves", "pause", "parallel", "max_failures", "max_at_risk", "rate"] as const;
const ACTION_FIELDS = [
  "name",
  "uses",
  "with",
  "when",
  "needs",
  "retry",
  "timeout",
  "total_timeout",
  "schedule_timeout",
  "heartbeat",
  "annotations",
  "continue_on_error",
  "try",
  "undo",
  "completion",
  "set",
  "repeat",
] as const;
const UNDO_FIELDS = ["uses", "with", "retry", "timeout", "total_timeout", "heartbeat"] as const;
const ALTERNATIVE_FIELDS = ["uses", "with", "retry", "timeout", "total_timeout", "heartbeat", "on_unknown"] as const;

const NAME = /^[a-z][a-z0-9_-]{0,63}$/;
const NAME_FORM = "lower-case letters, digits, _ and -, at most 64, a letter first";
const USES = /^(?=.{1,128}$)[a-z][a-z0-9_.-]*(@[0-9]+)?$/;
const LOCKS_MAX = 8;
const LOCK_LENGTH_MAX = 1_024;

type Arguments = NonNullable<MessageInitShape<typeof ActionSchema>["with"]>;
type AmountInit = MessageInitShape<typeof AmountSchema>;

/** Reads one stage. */
export function readStage(field: FileCursor): MessageInitShape<typeof StageSchema> {
  const fields = field.fields(STAGE_FIELDS, "a stage");
  if (fields === undefined) return {};
  const over = fields.read("over", readOver);
  const rollout = fields.get("rollout");
  if (rollout !== undefined && fields.get("over") === undefined) rollout.refuse("is only for a stage with `over`");
  const lock = fields.get("lock");
  const repeat = fields.read("repeat", readRepeat);
  if (lock !== undefined && over?.case !== "targets") lock.refuse("is only for a stage with over: targets");
  const rolloutInit = rollout === undefined ? undefined : readRollout(rollout);
  const deadline = fields.read("deadline", readDeadline);
  const actions = readActions(fields, "actions");
  const needs = fields.get("needs");
  if (actions.length === 0) {
    for (const name of ["over", "rollout", "lock", "on_success", "on_failure", "always"] as const)
      fields.get(name)?.refuse("is not for a stage without actions, which is a milestone");
  }
  return {
    name: fields.need("name", "write for example name: fix")?.word(NAME, NAME_FORM) ?? "",
    ...(over === undefined ? {} : { over: { kind: over } }),
    ...(rolloutInit === undefined ? {} : { rollout: rolloutInit }),
    locks: lock === undefined ? [] : readLocks(lock),
    actions,
    onSuccess: readActions(fields, "on_success"),
    onFailure: readActions(fields, "on_failure"),
    always: readActions(fields, "always"),
    ...(deadline === undefined ? {} : { deadline }),
    annotations: fields.read("annotations", (item) => item.texts("annotations")) ?? {},
    ...(needs === undefined ? {} : { needs: { stages: needs.items("needs").flatMap((item) => item.text() ?? []) } }),
    continueOnError: fields.read("continue_on_error", (item) => item.boolean()) ?? false,
    undo: fields.read("undo", readStageUndo) ?? StageUndo.UNSPECIFIED,
    ...(repeat === undefined ? {} : { repeat }),
  };
}

type ActionList = "actions" | "on_success" | "on_failure" | "always";

function readActions(fields: FileFields<ActionList>, name: ActionList): MessageInitShape<typeof ActionSchema>[] {
  const field = fields.get(name);
  const items = field?.items(name) ?? [];
  if (items.length > ACTIONS_PER_STAGE_MAX) field?.refuse(`at most ${ACTIONS_PER_STAGE_MAX} actions; found ${items.length}`);
  return items.map(readAction);
}

/** One key, or a list of them. */
function readLocks(field: FileCursor): string[] {
  const items = typeof field.value === "string" ? [field] : field.items("lock (a key, or a list of keys)");
  if (Array.isArray(field.value) && items.length === 0) field.refuse("is an empty list; leave it out for no lock but the target's own");
  if (items.length > LOCKS_MAX) field.refuse(`at most ${LOCKS_MAX} keys; found ${items.length}`);
  const seen = new Set<string>();
  return items.flatMap((item) => {
    const key = item.text();
    if (key === undefined) return [];
    if (key.length === 0 || key.length > LOCK_LENGTH_MAX) item.refuse(`a lock's key has 1 to ${LOCK_LENGTH_MAX} characters`);
    if (seen.has(key)) item.refuse("appears twice");
    seen.add(key);
    return key;
  });
}

function readRollout(field: FileCursor): MessageInitShape<typeof RolloutSchema> | undefined {
  const fields = field.fields(ROLLOUT_FIELDS, "rollout");
  if (fields === undefined) return undefined;
  const parallel = fields.read("parallel", (item) => item.number({ min: 1, max: PARALLEL_MAX, isWhole: true }));
  const pause = fields.read("pause", (item) => duration(item, {}));
  const maxFailures = fields.read("max_failures", readAmount);
  const maxAtRisk = fields.read("max_at_risk", readAmount);
  const rate = fields.read("rate", readRate);
  return {
    waves: fields.read("waves", readWaves) ?? [],
    ...(pause === undefined ? {} : { pause }),
    ...(parallel === undefined ? {} : { parallel }),
    ...(maxFailures === undefined ? {} : { maxFailures }),
    ...(maxAtRisk === undefined ? {} : { maxAtRisk }),
    ...(rate === undefined ? {} : { rate }),
  };
}

function readWaves(field: FileCursor): AmountInit[] {
  const items = field.items("waves");
  if (Array.isArray(field.value) && items.length === 0) field.refuse("is an empty list; leave it out for one wave of all targets");
  if (items.length > WAVES_MAX) field.refuse(`at most ${WAVES_MAX} waves; found ${items.length}`);
  return items.flatMap((item) => {
    const amount = readAmount(item);
    if (amount?.kind?.value === 0) item.refuse("a wave of nothing would never end; write at least 1, or a percentage above 0%");
    return amount ?? [];
  });
}

/** `3`, or `2%`. */
function readAmount(field: FileCursor): AmountInit | undefined {
  const { value } = field;
  if (typeof value === "number") {
    const count = field.number({ min: 0, max: TARGETS_MAX, isWhole: true });
    return count === undefined ? undefined : { kind: { case: "count", value: count } };
  }
  const match = typeof value === "string" ? /^(\d{1,3}(?:\.\d{1,6})?)%$/.exec(value) : null;
  const percent = match === null ? Number.NaN : Number(match[1]);
  if (percent <= 100) return { kind: { case: "percent", value: percent } };
  return field.refuse("must be a whole number such as 3, or a percentage such as 10%, at most 100%");
}

function readAction(field: FileCursor): MessageInitShape<typeof ActionSchema> {
  const fields = field.fields(ACTION_FIELDS, "an action");
  if (fields === undefined) return {};
  const needs = fields.get("needs");
  const ways = fields.get("try");
  const undo = fields.read("undo", readUndo);
  if (ways !== undefined)
    for (const name of ["uses", "with"] as const)
      fields.get(name)?.refuse("is not for an action with try: its alternatives have their own");
  const repeat = fields.read("repeat", readRepeat);
  const completion = fields.read("completion", readCompletion);
  const scheduleTimeout = fields.read("schedule_timeout", (item) => duration(item, { isPositive: true }));
  if (ways !== undefined) fields.get("repeat")?.refuse("is not for an action with try; repeat its stage");
  return {
    name: fields.need("name", "write for example name: scan")?.word(NAME, NAME_FORM) ?? "",
    uses: ways === undefined ? readUses(fields) : "",
    ...readWay(fields),
    when: fields.read("when", readWhen) ?? "",
    ...(needs === undefined ? {} : { needs: { actions: needs.items("needs").flatMap((item) => item.text() ?? []) } }),
    annotations: fields.read("annotations", (item) => item.texts("annotations")) ?? {},
    continueOnError: fields.read("continue_on_error", (item) => item.boolean()) ?? false,
    set: fields.read("set", readExpressions) ?? {},
    try: ways === undefined ? [] : readAlternatives(ways),
    ...(undo === undefined ? {} : { undo }),
    ...(completion === undefined ? {} : { completion }),
    ...(scheduleTimeout === undefined ? {} : { scheduleTimeout }),
    ...(repeat === undefined ? {} : { repeat }),
  };
}

function readAlternatives(field: FileCursor): MessageInitShape<typeof AlternativeSchema>[] {
  const items = field.items("try");
  if (Array.isArray(field.value) && (items.length === 0 || items.length > ALTERNATIVES_MAX))
    field.refuse(`1 to ${ALTERNATIVES_MAX} alternatives; found ${items.length}`);
  return items.map((item) => {
    const fields = item.fields(ALTERNATIVE_FIELDS, "an alternative");
    if (fields === undefined) return {};
    const onUnknown = fields.get("on_unknown");
    if (onUnknown !== undefined && onUnknown.value !== "next")
      onUnknown.refuse("must be next; leave it out for what is held when it is unknown");
    return {
      uses: readUses(fields),
      ...readWay(fields),
      onUnknown: onUnknown === undefined ? OnUnknown.UNSPECIFIED : OnUnknown.NEXT,
    };
  });
}

function readUndo(field: FileCursor): MessageInitShape<typeof UndoSchema> | undefined {
  const fields = field.fields(UNDO_FIELDS, "undo");
  return fields === undefined ? undefined : { uses: readUses(fields), ...readWay(fields) };
}

function readStageUndo(field: FileCursor): StageUndo | undefined {
  if (field.value === "wave") return StageUndo.WAVE;
  return field.value === "target" ? StageUndo.TARGET : field.refuse("must be target or wave");
}

function readUses(fields: FileFields<"uses">): string {
  const uses = fields.need("uses", "name the kind of action, such as command or file");
  return uses?.word(USES, "the name of a kind of action, such as command or erase@1") ?? "";
}

function readWay(fields: FileFields<"with" | "retry" | "timeout" | "total_timeout" | "heartbeat">) {
  const args = fields.get("with");
  if (args !== undefined && !isJsonObject(args.value)) args.refuse("must be a map of arguments");
  const retry = fields.read("retry", readRetry);
  const timeout = fields.read("timeout", (item) => duration(item, { isPositive: true }));
  const totalTimeout = fields.read("total_timeout", (item) => duration(item, { isPositive: true }));
  const heartbeat = fields.read("heartbeat", readHeartbeat);
  return {
    ...(args !== undefined && isJsonObject(args.value) ? { with: copied(args.value) } : {}),
    ...(retry === undefined ? {} : { retry }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(totalTimeout === undefined ? {} : { totalTimeout }),
    ...(heartbeat === undefined ? {} : { heartbeat }),
  };
}

/** How long it may be silent. */
function readHeartbeat(field: FileCursor): Duration | undefined {
  const ms = field.durationMs(HEARTBEAT_MS_MAX);
  if (ms !== undefined && ms < HEARTBEAT_MS_MIN) return field.refuse(`must be at least ${HEARTBEAT_MS_MIN / 1_000}s`);
  return ms === undefined ? undefined : durationFromMs(ms);
}

/** The wire's Struct has its own name for a JSON object, one that may be changed. */
function copied(args: JsonObject): Arguments {
  const struct: Arguments = JSON.parse(JSON.stringify(args));
  return struct;
}

/** A plain true or false is an expression too. */
function readWhen(field: FileCursor): string | undefined {
  return typeof field.value === "boolean" ? String(field.value) : field.text();
}

/** How long a stage or a workflow may go on. */
export function readDeadline(field: FileCursor): Duration | undefined {
  const ms = field.durationMs(AWAIT_MS_MAX);
  if (ms === 0) return field.refuse("must be longer than nothing");
  return ms === undefined ? undefined : durationFromMs(ms);
}
