// A workflow's status, its tasks and its holds as text for people.
// 1. Every text has a bounded length; the output makes it safe for a terminal.

import { toJson } from "@bufbuild/protobuf";
import type { Timestamp, Value } from "@bufbuild/protobuf/wkt";
import { timestampDate, ValueSchema } from "@bufbuild/protobuf/wkt";
import { Mode, WorkflowOutcome } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { Hold, StageStatus, Task, TaskCounts, WorkflowStatus } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { HoldKind, HoldKindSchema, StagePhaseSchema } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { hasEnded } from "../../internal/sdk/persistence.ts";
import { enumName, outcomeName, phaseName } from "../../internal/sdk/wire-json.ts";
import { cut, plainJson, plainLines } from "./plain-text.ts";
import { needsApproval, pinsText, verdictLines } from "./verdict-text.ts";

const JSON_COLUMNS_MAX = 4_096;
const LABEL_COLUMNS = 10;

/** The lines of `holdfast status`. */
export function statusLines(status: WorkflowStatus): readonly string[] {
  const targets = `${status.targets}, ${status.targetsInFlight} in flight, ${status.targetsAtRisk} at risk`;
  const by = status.submittedBy === "" ? "" : ` by ${status.submittedBy}`;
  return [
    `${status.id} ${phaseName(status.phase)}`,
    ...labelled("name", status.name),
    ...labelled("mode", status.mode === Mode.PLAN ? "plan: checks only, nothing is changed" : ""),
    ...labelled("key", status.key),
    ...labelled("namespace", status.namespace),
    ...labelled("digest", status.digest),
    ...labelled("submitted", status.submittedAt === undefined ? "" : `${timeText(status.submittedAt)}${by}`),
    ...labelled("executed", timeText(status.executedAt)),
    ...labelled("ended", timeText(status.endedAt)),
    ...labelled("expires", timeText(status.expiresAt)),
    ...labelled("generation", status.generation <= 1 ? "" : `${status.generation}; what follows is of this one`),
    ...labelled("targets", status.targets === 0 ? "" : targets),
    ...labelled("tasks", countsText(status.counts)),
    ...labelled("retries", status.retries === 0 ? "" : String(status.retries)),
    ...status.stages.flatMap((stage) => labelled("stage", stageText(stage))),
    ...status.waitingFor.flatMap((hold) => labelled("waits", holdText(hold))),
    ...labelled("policies", pinsText(status.policies)),
    ...labelled("allowed", status.tasksAllowed === 0 ? "" : `${status.tasksAllowed} attempts, by the rules of the task gate`),
    ...labelled("verdict", ...verdictLines(status.verdict)),
    ...labelled("approve", needsApproval(status.verdict) && !hasEnded(status.phase) ? `holdfast approve ${status.id}` : ""),
    ...labelled("finished", finishText(status)),
    ...labelled("error", status.error),
    ...labelled("output", status.output === undefined ? "" : valueText(status.output)),
  ];
}

/** What finished it early; empty: nothing, or its error says so. */
function finishText({ finish, error }: WorkflowStatus): string {
  if (finish === undefined || error.startsWith("finished early")) return "";
  const how = finish.outcome === WorkflowOutcome.SUCCEEDED ? "succeeded" : "failed";
  return `early as ${how} by ${taskName(finish)}${finish.message === "" ? "" : `: ${finish.message}`}`;
}

/** One workflow in one line of `holdfast list`. */
export function listLine(status: WorkflowStatus): string {
  const { tasks = 0, succeeded = 0, failed = 0, unknown = 0 } = status.counts ?? {};
  const counts = `${succeeded}/${tasks}${failed > 0 ? ` failed=${failed}` : ""}${unknown > 0 ? ` unknown=${unknown}` : ""}`;
  const name = status.mode === Mode.PLAN ? `${status.name} (plan: nothing was changed)` : status.name;
  return [status.id, phaseName(status.phase).padEnd(9), timeText(status.submittedAt), counts.padEnd(10), name, status.key]
    .join("  ")
    .trimEnd();
}

/** The lines of one task: what became of it, and (unless brief) its last attempt's input and the end of its output. */
export function taskLines(task: Task, { isBrief }: { isBrief: boolean }): readonly string[] {
  const attempts = task.attempts === 1 ? "" : `  attempts=${task.attempts}`;
  const error = task.error === "" ? "" : `  ${task.error}`;
  const outcome = outcomeName(task.outcome) + (task.changed ? " changed" : "");
  const run = task.run > 1 ? `  run=${task.run}` : "";
  const head = `${taskName(task)}  ${outcome}${run}${attempts}${error}`;
  if (isBrief) return [head];
  return [
    head,
    ...(task.input === undefined ? [] : indented("input", valueText(task.input))),
    ...(task.output === undefined ? [] : indented("output", valueText(task.output))),
    ...indented("printed", task.outputTail),
    ...indented("diff", task.diff),
    ...(task.retryAt === undefined ? [] : indented("again at", timeText(task.retryAt))),
  ];
}

/** A label and text of one or several lines under it. */
export function indented(label: string, text: string): readonly string[] {
  if (text === "") return [];
  const lines = plainLines(text);
  if (lines.length === 1) return [`    ${label}: ${lines[0] ?? ""}`];
  return [`    ${label}:`, ...lines.map((line) => `      ${line}`)];
}

/** `stage/action@target`. */
export function taskName(task: { readonly stage: string; readonly action: string; readonly target: string }): string {
  return `${task.stage}/${task.action}${task.target === "" ? "" : `@${task.target}`}`;
}

/** What a workflow waits for, in one line: `FROZEN: f3 …`, or `waits: …`. */
export function waitsText(hold: Hold): string {
  return `${hold.kind === HoldKind.FREEZE ? "FROZEN" : "waits"}: ${sayingText(hold)}`;
}

/** The holds that say most, first: a freeze, then what waits for people and policies, then the rest as the service orders them. */
export function gravestFirst(holds: readonly Hold[]): readonly Hold[] {
  const rank = ({ kind }: Hold): number => (kind === HoldKind.FREEZE ? 0 : kind === HoldKind.APPROVAL || kind === HoldKind.POLICY ? 1 : 2);
  return [...holds].sort((left, right) => rank(left) - rank(right));
}

/** Why something stands still. */
export function holdText(hold: Hold): string {
  return `${enumName(HoldKindSchema, hold.kind)}: ${sayingText(hold)}`;
}

/** The message, the names that it does not hold itself, and until when. */
function sayingText({ message, names, until }: Hold): string {
  const unsaid = names.filter((name) => !message.includes(name));
  return `${message}${unsaid.length === 0 ? "" : ` (${unsaid.join(", ")})`}${until === undefined ? "" : `, until ${timeText(until)}`}`;
}

/** What to do about what holds a workflow, where the service has not said it itself. */
export function holdHints(holds: readonly Hold[], id: string): readonly string[] {
  const said = holds.map(({ message }) => message).join("\n");
  const kinds = new Set(holds.map(({ kind }) => kind));
  return HINTS.filter(([kind, verb]) => kinds.has(kind) && !said.includes(`holdfast ${verb}`)).map(([, , hint]) =>
    hint.replaceAll("ID", id),
  );
}

const HINTS: readonly (readonly [kind: HoldKind, verb: string, hint: string])[] = [
  [HoldKind.FREEZE, "freeze", 'what is frozen, by whom and why: "holdfast freeze --status"'],
  [HoldKind.APPROVAL, "approve", 'show what it would do, and approve it: "holdfast approve ID"'],
  [HoldKind.POLICY, "status", 'what each rule said: "holdfast status ID"'],
  [HoldKind.LIMIT, "limits", 'the limits in use, and who waits: "holdfast limits"'],
  [HoldKind.LOCK, "locks", 'the locks that are held, and by whom: "holdfast locks"'],
];

/** A moment in UTC; empty when there is none. */
export function timeText(time: Timestamp | undefined): string {
  return time === undefined ? "" : timestampDate(time).toISOString();
}

/** JSON on one line, bounded. */
export function valueText(value: Value): string {
  return cut(plainJson(toJson(ValueSchema, value)), JSON_COLUMNS_MAX);
}

function stageText(stage: StageStatus): string {
  const items = stage.items === 0 ? "" : `, ${stage.items} items`;
  const wave = stage.waves === 0 ? "" : `, wave ${stage.wave}/${stage.waves}`;
  const next = stage.nextWaveAt === undefined ? "" : `, next wave at ${timeText(stage.nextWaveAt)}`;
  const note = stage.note === "" ? "" : `, ${stage.note}`;
  return `${stage.name} ${enumName(StagePhaseSchema, stage.phase)}${items}${wave}${next}${note}: ${countsText(stage.counts)}`;
}

function countsText(counts: TaskCounts | undefined): string {
  if (counts === undefined) return "";
  const { tasks, succeeded, changed, unchanged, ...rest } = counts;
  const shown = (["failed", "unknown", "unreachable", "skipped", "running", "waiting", "cancelled"] as const).filter(
    (name) => rest[name] > 0,
  );
  const done = `${tasks}: ${succeeded} succeeded (${changed} changed, ${unchanged} unchanged)`;
  return [done, ...shown.map((name) => `${rest[name]} ${name}`)].join(", ");
}

/** A label and its text, further lines of it under the first; nothing for an empty text. */
export function labelled(label: string, text = "", ...more: readonly string[]): readonly string[] {
  if (text === "") return [];
  return [`  ${label.padEnd(LABEL_COLUMNS)} ${text}`, ...more.map((line) => `  ${" ".repeat(LABEL_COLUMNS)} ${line}`)];
}
