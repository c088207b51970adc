// Tries policies against the past: each workflow since a moment is judged again at its Submit, its Exec, each generation and each wave that began, and where it was held, with the
// ledger as it was then, and compared with what was decided then.
// 1. Time and ledger are those of the journal, to the millisecond; the fleet is the inventory of today. What was refused at Submit left no trace to try.
// 2. The guard is folded once, beside the gates in the order of their time; nothing of the live guard is touched.

import { create } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { HoldfastError } from "../base/errors.ts";
import { GUARD_STREAM, WorkflowId, seq, timeMs, workflowStream } from "../base/ids.ts";
import type { TimeMs } from "../base/ids.ts";
import { JOURNAL_LIST_MAX, REPLAY_WORKFLOWS_MAX } from "../base/limits.ts";
import type { VerdictGiven, WorkflowSubmitted } from "../gen/holdfast/v1/event_pb.ts";
import { Decision, Gate } from "../gen/holdfast/v1/policy_pb.ts";
import type { Verdict } from "../gen/holdfast/v1/policy_pb.ts";
import type { ReplayRequest, ReplayResponse } from "../gen/holdfast/v1/policy_service_pb.ts";
import { ReplayResponseSchema } from "../gen/holdfast/v1/policy_service_pb.ts";
import type { GuardState } from "../guard/guard.ts";
import { applyGuardEvent, emptyGuard } from "../guard/guard.ts";
import { ledgerReader } from "../guard/ledger.ts";
import { makeBlueprint } from "../workflow/blueprint.ts";
import { ruleName } from "../workflow/outside-holds.ts";
import type { Approver } from "../workflow/state.ts";
import type { GivenApproval, Journal, Person, Policies } from "./ports.ts";
import type { Registry } from "./registry.ts";

interface Past {
  readonly id: WorkflowId;
  readonly submitted: WorkflowSubmitted;
  readonly submitter: Person;
  readonly atMs: TimeMs;
  was: Decision;
  now: Decision;
  readonly rules: Set<string>;
}

interface Point {
  readonly past: Past;
  readonly gate: Gate;
  readonly atMs: TimeMs;
  readonly approvals: readonly GivenApproval[];
  readonly wave?: { readonly stage: number; readonly wave: number; readonly first: number; readonly count: number };
}

/** Streams the workflows whose fate would be another, then how many were looked at. */
export async function* replayPolicies(registry: Registry, request: ReplayRequest, signal: AbortSignal): AsyncIterable<ReplayResponse> {
  const { journal, policies } = registry.ports;
  const sinceMs = request.since === undefined ? 0 : timestampMs(request.since);
  const candidates = policies.withCandidates(request.candidates.length === 0 ? policies.inForce() : request.candidates);
  const ids = await idsSince(journal, sinceMs);
  const points: Point[] = [];
  const pasts: Past[] = [];
  for (const id of ids) {
    signal.throwIfAborted();
    const past = await readPast(journal, id, points);
    if (past !== undefined) pasts.push(past);
  }
  points.sort((a, b) => a.atMs - b.atMs);
  const ledger = pastGuard(journal);
  for (const point of points) {
    signal.throwIfAborted();
    await judgePoint(candidates, point, await ledger.at(point.atMs));
  }
  for (const past of pasts) if (past.was !== past.now) yield responseOf(past);
  yield create(ReplayResponseSchema, { examined: pasts.length });
}

/** Workflows submitted since, the oldest first. */
async function idsSince(journal: Journal, sinceMs: number): Promise<readonly WorkflowId[]> {
  const ids: WorkflowId[] = [];
  for (let before: WorkflowId | undefined; ;) {
    const range = before === undefined ? {} : { before };
    const page = await journal.listRecords({ namespace: "*", limit: JOURNAL_LIST_MAX, ...range });
    for (const { status } of page) {
      if (status.submittedAt !== undefined && timestampMs(status.submittedAt) < sinceMs) return ids.reverse();
      if (ids.length >= REPLAY_WORKFLOWS_MAX) throw tooMany();
      before = WorkflowId.parse(status.id);
      ids.push(before);
    }
    if (page.length < JOURNAL_LIST_MAX) return ids.reverse();
  }
}

function tooMany(): HoldfastError {
  return new HoldfastError("RESOURCE_EXHAUSTED", `since: more than ${REPLAY_WORKFLOWS_MAX} workflows; say a later moment`);
}

/** Reads one workflow's history, and notes the moments at which policies had a say. */
async function readPast(journal: Journal, id: WorkflowId, points: Point[]): Promise<Past | undefined> {
  let past: Past | undefined;
  const approvals: GivenApproval[] = [];
  for await (const frame of journal.readFrames(workflowStream(id), { afterSeq: seq(0) })) {
    for (const { kind, by, afterMs } of frame.events) {
      const atMs = timeMs(frame.timeMs + afterMs);
      if (kind.case === "workflowSubmitted") {
        past = newPast(id, { submitted: kind.value, by, atMs });
        points.push({ past, gate: Gate.SUBMIT, atMs, approvals: [] });
      }
      if (past === undefined) continue;
      if (kind.case === "approvalGiven") approvals.push(approvalOf({ ...kind.value, by, atMs }));
      // Those of before may not be kept; a generation asks again at the gate of exec.
      if (kind.case === "continuedAsNew") approvals.splice(0, approvals.length, ...kind.value.approvals.map(approvalOf));
      if (kind.case === "verdictGiven") noteVerdict(points, { past, atMs, approvals: [...approvals] }, kind.value);
      const isExec = kind.case === "workflowExecuted" || kind.case === "continuedAsNew";
      if (isExec) points.push({ past, gate: Gate.EXEC, atMs, approvals: [...approvals] });
      if (kind.case === "waveStarted") points.push({ past, gate: Gate.WAVE, atMs, approvals: [...approvals], wave: kind.value });
    }
  }
  return past;
}

function approvalOf({ by, roles, atMs, reason }: Omit<Approver, "atMs"> & { readonly atMs: number | bigint }): GivenApproval {
  return { name: by, roles, atMs: timeMs(Number(atMs)), hasReason: reason !== "" };
}

/** What held it is tried at the moment of its verdict. Tasks are not tried, so what held them does not count. */
function noteVerdict(points: Point[], at: Omit<Point, "gate">, { verdict, stage, wave }: VerdictGiven): void {
  const { gate, decision } = verdict ?? { gate: Gate.TASK, decision: Decision.ALLOW };
  if (gate === Gate.TASK) return;
  at.past.was = strictest(at.past.was, { decision });
  if (decision === Decision.ALLOW) return;
  const held = makeBlueprint(at.past.submitted).stages[stage]?.waves[wave];
  points.push({ ...at, gate, ...(gate === Gate.WAVE && held !== undefined ? { wave: { stage, wave, ...held } } : {}) });
}

function newPast(id: WorkflowId, at: { readonly submitted: WorkflowSubmitted; readonly by: string; readonly atMs: TimeMs }): Past {
  const { submitted, by, atMs } = at;
  // What was pinned then is not asked: only the candidates are on trial.
  const unpinned = { ...submitted, policies: [] };
  const submitter = { name: by, roles: submitted.submitterRoles };
  const was = submitted.verdict?.decision ?? Decision.ALLOW;
  return { id, submitted: unpinned, submitter, atMs, was, now: Decision.ALLOW, rules: new Set() };
}

function strictest(one: Decision, verdict: Pick<Verdict, "decision"> | undefined): Decision {
  return verdict !== undefined && verdict.decision > one ? verdict.decision : one;
}

async function judgePoint(policies: Policies, point: Point, guard: GuardState): Promise<void> {
  const { past, gate, atMs, approvals, wave } = point;
  const { submitted, submitter } = past;
  if (!policies.isGated(submitted, gate)) return;
  const targets = wave === undefined ? submitted.targets : submitted.targets.slice(wave.first, wave.first + wave.count);
  const ledger = ledgerReader(guard, { nowMs: guard.clock.lastMs, except: targets.map(({ name }) => name) });
  const place = wave === undefined ? {} : { stage: wave.stage, wave: wave.wave };
  const { verdict } = await policies.judge({ gate, submitted, submitter, nowMs: atMs, ledger, approvals, targets, ...place });
  past.now = strictest(past.now, verdict);
  for (const rule of verdict.rules) past.rules.add(`${ruleName(rule)}: ${rule.message}`);
}

/** The guard of the past, folded forward as far as is asked. */
function pastGuard(journal: Journal): { at(ms: TimeMs): Promise<GuardState> } {
  const guard = emptyGuard();
  const frames = journal.readFrames(GUARD_STREAM, { afterSeq: seq(0) })[Symbol.asyncIterator]();
  let next: Awaited<ReturnType<typeof frames.next>> | undefined;
  return {
    async at(ms) {
      for (next ??= await frames.next(); next.done !== true && next.value.timeMs <= ms; next = await frames.next())
        for (const event of next.value.guardEvents) applyGuardEvent(guard, event);
      return guard;
    },
  };
}

function responseOf({ id, submitted, atMs, was, now, rules }: Past): ReplayResponse {
  const name = submitted.definition?.name ?? "";
  return create(ReplayResponseSchema, {
    id,
    name,
    submittedAt: timestampFromMs(atMs),
    was,
    now,
    rules: [...rules].slice(0, RULES_SHOWN_MAX),
  });
}

/** How many broken rules of a workflow are shown. */
const RULES_SHOWN_MAX = 64;
