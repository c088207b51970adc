// Makes an attempt ready: finds the action, renders and reveals its arguments, parses them, and says what time is left.
// 1. What fails here fails before anything is looked at or changed, and trying again cannot help.

import { HoldfastError } from "../base/errors.ts";
import { isJsonObject } from "../base/json.ts";
import type { JsonValue } from "../base/json.ts";
import { ATTEMPT_SETTLE_MS_MIN, AWAIT_MS_MAX } from "../base/limits.ts";
import { maskRendered, revealRendered } from "../expr/rendered.ts";
import { Effects, Mode } from "../gen/holdfast/v1/event_pb.ts";
import { placeOf, targetAt } from "../workflow/blueprint.ts";
import type { TaskPlace } from "../workflow/blueprint.ts";
import type { AttemptReport } from "../workflow/commands.ts";
import { keyOf, taskScope } from "../workflow/expression-scope.ts";
import type { ScopeOf } from "../workflow/expression-scope.ts";
import type { Restoration } from "../workflow/restored-doubt.ts";
import type { RunningTask, WorkflowState } from "../workflow/state.ts";
import type { AttemptHost } from "./attempt-host.ts";
import { Reporter } from "./attempt-report.ts";
import { completionToken } from "./completion-token.ts";
import { guardAction } from "./guarded-action.ts";
import { maskingOf } from "./masking.ts";
import type { Action, AttemptContext, PreparedAction } from "./ports.ts";

/** An attempt that is ready to run. */
export interface PreparedAttempt {
  readonly kind: "ready";
  readonly task: number;
  readonly attempt: number;
  readonly action: PreparedAction;
  readonly reporter: Reporter;
  /** What the check had found, when the attempt is in doubt after a restart. */
  readonly inDoubtSince: string | undefined;
  /** Present: the journal was restored, and the task may have been done after its backup; also where the attempt had not begun. */
  readonly restored: Restoration | undefined;
  /** The ID that the other side of a handshake gave; empty before. */
  remoteId(): string;
  /** True when a freeze stops it now: asked again immediately before anything is changed. */
  isFrozen(): boolean;
  /** The context of the next call to the action, with what time is left. */
  context(): AttemptContext;
  /** The same for the work of what changes nothing: it has to give signs of life, where that is asked of it. */
  reading(): AttemptContext;
  /** The same for a call that changes something: a freeze keeps it back for as long as it waits for its turn. */
  changing(): AttemptContext;
}

/** Makes an attempt ready, or says why it cannot be. */
export function prepareAttempt(
  host: AttemptHost,
  at: { readonly task: number; readonly running: RunningTask },
  signal: AbortSignal,
): PreparedAttempt | { readonly kind: "refused"; readonly report: AttemptReport } {
  const { state, ports } = host;
  const place = placeOf(state.blueprint, at.task);
  const reporter = reporterOf(host, at);
  const scope = taskScope(state, at.task, { detail: (other) => ports.journal.detail(state.blueprint.id, other) });
  try {
    const action = prepareAction(host, { task: at.task, attempt: at.running.attempt, place, scope, reporter });
    return ready(host, { ...at, place, scope, action: guardAction(action), reporter, signal });
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return {
      kind: "refused",
      report: reporter.failed(
        { kind: at.running.before === undefined ? "failed" : "unknown", message: error.message, isRetryable: false },
        {},
      ),
    };
  }
}

/** Makes the report of an attempt. */
export function reporterOf({ ports: { clock } }: AttemptHost, at: { readonly task: number; readonly running: RunningTask }): Reporter {
  const { attempt, startedAtMs } = at.running;
  return new Reporter({ task: at.task, attempt, startedAtMs, clock });
}

function prepareAction(
  host: AttemptHost,
  at: {
    readonly task: number;
    readonly attempt: number;
    readonly place: TaskPlace;
    readonly scope: ScopeOf;
    readonly reporter: Reporter;
  },
): PreparedAction {
  const { state, ports } = host;
  const { action: plan } = at.place;
  const token = plan.completion === undefined ? undefined : tokenOf(host, at);
  if (state.blueprint.secrets.length > 0 || state.blueprint.handsOutTokens)
    at.reporter.mask(maskingOf(state, ports.secrets, token === undefined ? [] : [token]));
  const action = ports.actions.find(plan.uses);
  checkKind(host, plan.uses, action);
  const rendered = plan.arguments.render(token === undefined ? at.scope : withToken(at.scope, token));
  const revealed = revealRendered(rendered, (name) => ports.secrets.value(name));
  const prepared = action.parse(requireObject(revealed));
  if (plan.arguments.hasExpressions && !prepared.isSensitive) at.reporter.noteInput(maskRendered(rendered));
  if (prepared.isSensitive) at.reporter.hide();
  if (prepared.effects === Effects.UNSAFE) at.reporter.noteUnsafe();
  return prepared;
}

/** A plan hands out nothing. */
function tokenOf({ state, ports }: AttemptHost, { task, attempt }: { readonly task: number; readonly attempt: number }): string {
  return state.blueprint.mode === Mode.PLAN ? "" : completionToken(ports.seal, { id: state.blueprint.id, task, attempt });
}

/** Arguments alone see the attempt's token. */
function withToken(scope: ScopeOf, token: string): ScopeOf {
  return (name) => {
    const value = scope(name);
    return name === "task" && typeof value === "object" && value !== null ? { ...value, token } : value;
  };
}

/** What a workflow was submitted with is what runs: an action of the service's own that was edited since is refused. */
function checkKind(host: AttemptHost, uses: string, action: Action | undefined): asserts action is Action {
  if (action === undefined)
    throw new HoldfastError("FAILED_PRECONDITION", `the service knows no action "${uses}" any more; bring its definition back, then retry`);
  const pinned = host.state.submitted.actionKinds.find((kind) => kind.uses === uses);
  if (pinned === undefined || pinned.digest === action.digest) return;
  throw new HoldfastError(
    "FAILED_PRECONDITION",
    `action "${uses}" was changed since the workflow was submitted; submit it again, or bring the former definition back`,
  );
}

function requireObject(value: JsonValue) {
  if (isJsonObject(value)) return value;
  throw new HoldfastError("INVALID_ARGUMENT", "an action's arguments are an object");
}

interface Ready {
  readonly task: number;
  readonly running: RunningTask;
  readonly place: TaskPlace;
  readonly scope: ScopeOf;
  readonly action: PreparedAction;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

function ready(host: AttemptHost, { task, running, place, scope, action, reporter, signal }: Ready): PreparedAttempt {
  const { state, ports } = host;
  const endsMs = ports.clock.monotonicMs() + attemptTimeMs(state, { task, running, nowMs: ports.clock.nowMs() });
  const target = targetAt(state.blueprint, place.stage, place.ordinal);
  const remoteId = (): string => state.running.get(task)?.remoteId ?? running.remoteId;
  const isFrozen = (): boolean => host.isFrozen(task);
  const context = (mayBegin: () => boolean, heartbeatMs: number): AttemptContext => ({
    workflowId: state.blueprint.id,
    target,
    taskKey: keyOf(state, task),
    attempt: running.attempt,
    startedAtMs: running.startedAtMs,
    timeoutMs: Math.min(AWAIT_MS_MAX, Math.max(0, endsMs - ports.clock.monotonicMs())),
    heartbeatMs,
    signal,
    remoteId: remoteId(),
    mayBegin,
    scope,
  });
  return {
    kind: "ready",
    task,
    attempt: running.attempt,
    action,
    reporter,
    inDoubtSince: running.before,
    restored: restorationOf(state, task),
    remoteId,
    isFrozen,
    context: () => context(() => true, Infinity),
    reading: () => context(() => true, place.action.heartbeatMs),
    changing: () => context(() => !isFrozen(), place.action.heartbeatMs),
  };
}

/** The restore since which the task may have been done elsewhere; undefined: none, or a person has looked. */
function restorationOf({ restored }: WorkflowState, task: number): Restoration | undefined {
  return restored?.mayBeDone[task] === 1 ? restored : undefined;
}

/** How long the attempt may take from now on. After a restart or a restore there is always time enough to look. */
export function attemptTimeMs(
  state: WorkflowState,
  at: { readonly task: number; readonly running: RunningTask; readonly nowMs: number },
): number {
  const { task, running, nowMs } = at;
  const { action } = placeOf(state.blueprint, task);
  const firstMs = state.firstStartMs.get(task) ?? running.startedAtMs;
  const leftMs = Math.max(0, Math.min(action.timeoutMs, firstMs + action.totalTimeoutMs - nowMs, state.schedule.endsMs(task) - nowMs));
  const isInDoubt = running.before !== undefined || restorationOf(state, task) !== undefined;
  return isInDoubt ? Math.max(leftMs, ATTEMPT_SETTLE_MS_MIN) : leftMs;
}
