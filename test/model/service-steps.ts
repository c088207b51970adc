// What the service does by itself: it syncs, wakes, runs attempts on the host, is killed and starts again.
// 1. Decisions are the product's own: turns come from history.ts, and what is in doubt is settled by the recovery table.
// 2. `Bug` names ways to be wrong. Each must be found out: that is how the model shows that it can fail.

import { assertNever } from "../../internal/base/assert.ts";
import { AttemptOutcome, DeferReason } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { Command } from "../../internal/workflow/commands.ts";
import { settleDoubt } from "../../internal/workflow/recover.ts";
import type { Doubt } from "../../internal/workflow/recover.ts";
import type { Step } from "./explorer.ts";
import type { Histories } from "./history.ts";
import { replaced } from "./system.ts";
import type { Attempt, HostTask, System } from "./system.ts";

/** A way to be wrong. */
export type Bug =
  | "answers before the sync"
  | "starts attempts before the sync"
  | "executes what has expired"
  | "repeats blindly what is in doubt"
  | "looks at freezes only when an attempt starts"
  | "executes before its ID is written down"
  | "waits for no answer to its exec";

/** What a step works with. */
export interface Play {
  readonly histories: Histories;
  readonly bug: Bug | undefined;
}

/** The task that is neither to be looked at nor to be repeated. */
const UNSAFE_TASK = 1;

/** A turn of the workflow. */
export function turned({ histories }: Play, system: System, command: Command): System {
  return { ...system, history: histories.after(system.history, { kind: "turn", command }, system.isLate) };
}

/** All that the service, its host and its fate may do next. */
export function serviceSteps(play: Play, system: System): readonly Step<System>[] {
  if (!system.isUp) return [start(play, system), ...leftSteps(system)];
  const steps: Step<System>[] = [...crashes(play, system), ...leftSteps(system)];
  if (system.synced !== system.history) steps.push({ name: "the journal is synced", next: { ...system, synced: system.history } });
  const woken = turned(play, system, { kind: "wake" });
  if (woken.history !== system.history) steps.push({ name: "the workflow looks what follows by itself", next: woken });
  if (system.mayBeLate && !system.isLate)
    steps.push({ name: "the submission's time is over", isMisfortune: true, next: { ...system, isLate: true } });
  return [...steps, ...begun(play, system), ...system.attempts.flatMap((attempt, index) => attemptSteps(play, system, { attempt, index }))];
}

/** Killed: of what was not synced any prefix is there; what was sent runs on at its host, or never began. */
function crashes(play: Play, system: System): readonly Step<System>[] {
  if (system.crashesLeft === 0) return [];
  const ways = system.attempts.some(({ at }) => at === "sent") ? [true, false] : [false];
  return play.histories.between(system.synced, system.history).flatMap((kept, index) =>
    ways.map((hasBegun) => ({
      name: `kill -9, ${index} entries beyond the synced ones survive${hasBegun ? ", the command runs on" : ""}`,
      isMisfortune: true,
      next: {
        ...system,
        isUp: false,
        crashesLeft: system.crashesLeft - 1,
        history: kept,
        synced: kept,
        attempts: [],
        host: hasBegun ? system.attempts.reduce(leave, system.host) : system.host,
        runners: system.runners.map((runner) => ({ ...runner, answer: undefined })),
        stopper: system.stopper === undefined ? undefined : { ...system.stopper, answer: undefined },
      },
    })),
  );
}

function leave(host: readonly HostTask[], { task, attempt, at }: Attempt): readonly HostTask[] {
  return at === "sent" ? host.map((each, index) => (index === task ? { ...each, left: attempt } : each)) : host;
}

function start(play: Play, system: System): Step<System> {
  return { name: "the service starts", next: turned(play, { ...system, isUp: true }, { kind: "recover" }) };
}

/** What runs at the host without its service comes to its end. */
function leftSteps(system: System): readonly Step<System>[] {
  return system.host.flatMap(({ left }, task) =>
    left === undefined ? [] : [{ name: `the command of task ${task} ends at the host`, next: changed(system, task, left) }],
  );
}

/** The host is changed by an attempt. */
function changed(system: System, task: number, attempt: number): System {
  const host = system.host.map((each, index) =>
    index === task ? { changes: each.changes + 1, done: [...each.done, attempt], left: undefined } : each,
  );
  return { ...system, host };
}

/** State says what should be running; what is on disk may begin. */
function begun({ histories, bug }: Play, system: System): readonly Step<System>[] {
  const onDisk = histories.view(system.synced).running;
  return histories.view(system.history).running.flatMap(({ task, attempt, before = "" }) => {
    const isDurable = onDisk.some((other) => other.task === task && other.attempt === attempt);
    const isThere = system.attempts.some((other) => other.task === task);
    if (isThere || !(isDurable || bug === "starts attempts before the sync")) return [];
    const attempts = [...system.attempts, { task, attempt, at: "begin", before } as const];
    return [{ name: `attempt ${attempt} at task ${task} begins`, next: { ...system, attempts } }];
  });
}

function attemptSteps(play: Play, system: System, of: { readonly attempt: Attempt; readonly index: number }): readonly Step<System>[] {
  const { attempt, index } = of;
  const { task } = attempt;
  const running = play.histories.view(system.history).running.find((other) => other.task === task && other.attempt === attempt.attempt);
  if (running === undefined) return [{ name: `attempt at task ${task} is over`, next: without(system, index) }];
  const to = (at: Attempt["at"], next = system): System => ({ ...next, attempts: replaced(next.attempts, index, { ...attempt, at }) });
  const name = `task ${task}: `;
  switch (attempt.at) {
    case "begin":
      return running.before === undefined ? looked(play, system, of) : settled(play, system, of);
    case "ask": {
      if (isFrozen(play, system)) return [{ name: `${name}frozen before it asks`, next: frozen(play, system, of) }];
      const command: Command = { kind: "startApply", task, attempt: attempt.attempt, before: attempt.before };
      return [{ name: `${name}asks for leave to change`, next: to("asked", turned(play, system, command)) }];
    }
    case "asked": {
      const isOnDisk = play.histories.view(system.synced).running.some((other) => other.task === task && other.before !== undefined);
      if (running.before === undefined || !(isOnDisk || play.bug === "starts attempts before the sync")) return [];
      return [{ name: `${name}has leave`, next: to("apply") }];
    }
    case "apply":
      if (isFrozen(play, system)) return [{ name: `${name}frozen before the change`, next: frozen(play, system, of) }];
      return [{ name: `${name}its command is sent`, next: to("sent", watched(play, system, task)) }];
    case "sent":
      return [{ name: `${name}the host is changed`, next: to("applied", changed(system, task, attempt.attempt)) }];
    case "applied":
      return [{ name: `${name}reports its change`, next: ended(play, system, { ...of, outcome: AttemptOutcome.CHANGED }) }];
    default:
      return assertNever(attempt.at);
  }
}

/** The first look of an attempt: the first task's value is there or not, the second cannot be looked at. */
function looked(play: Play, system: System, of: { readonly attempt: Attempt; readonly index: number }): readonly Step<System>[] {
  const { attempt, index } = of;
  const { task } = attempt;
  if (task !== UNSAFE_TASK && (system.host[task]?.changes ?? 0) > 0)
    return [{ name: `task ${task}: is done already`, next: ended(play, system, { ...of, outcome: AttemptOutcome.UNCHANGED }) }];
  const before = task === UNSAFE_TASK ? "" : "old";
  const next: System = { ...system, attempts: replaced(system.attempts, index, { ...attempt, at: "ask", before }) };
  return [{ name: `task ${task}: there is something to change`, next }];
}

/** In doubt after a restart: the shim's mark, then the check, by the product's table. While its command runs on there, one waits. */
function settled(play: Play, system: System, of: { readonly attempt: Attempt; readonly index: number }): readonly Step<System>[] {
  const { attempt, index } = of;
  const { task } = attempt;
  const host = system.host[task];
  if (host === undefined || (host.left !== undefined && play.bug !== "repeats blindly what is in doubt")) return [];
  const isUnsafe = task === UNSAFE_TASK;
  const look: Doubt["look"] = host.done.includes(attempt.attempt) ? "result" : "absent";
  const check: Doubt["check"] = isUnsafe ? "unknowable" : host.changes > 0 ? "converged" : "as-before";
  const effects = isUnsafe ? "unsafe" : "idempotent";
  const doubt: Doubt = { look, effects, isAtomic: !isUnsafe, hasRemoteId: false, check, isRestored: false };
  const settlement = play.bug === "repeats blindly what is in doubt" ? "apply-again" : settleDoubt(doubt);
  const end = (outcome: AttemptOutcome): readonly Step<System>[] => [
    { name: `task ${task}: in doubt, settled as ${settlement}`, next: ended(play, system, { ...of, outcome }) },
  ];
  switch (settlement) {
    case "take-result":
    case "done":
      return end(AttemptOutcome.CHANGED);
    case "hold":
      return end(AttemptOutcome.UNKNOWN);
    case "foreign-change":
      return end(AttemptOutcome.FAILED);
    case "apply-again": {
      const attempts = replaced<Attempt>(system.attempts, index, { ...attempt, at: "apply" });
      return [{ name: `task ${task}: in doubt, applied again`, next: { ...system, attempts } }];
    }
    default:
      return assertNever(settlement);
  }
}

function isFrozen({ histories, bug }: Play, system: System): boolean {
  return bug !== "looks at freezes only when an attempt starts" && histories.view(system.history).freezes.length > 0;
}

/** A command goes out: nothing may before its Exec is on disk, after its good end, or in a freeze that was answered. */
function watched({ histories }: Play, system: System, task: number): System {
  const onDisk = histories.view(system.synced);
  const wrong =
    onDisk.life === "none" || onDisk.life === "submitted"
      ? "H3: a host is changed before the Exec is on disk"
      : onDisk.good.includes(task)
        ? "H2: a task that had succeeded changes its host again"
        : system.stopper?.at === "frozen"
          ? "freeze: a change begins while a freeze that was answered is in force"
          : undefined;
  return { ...system, wrong: system.wrong ?? wrong };
}

function frozen(play: Play, system: System, of: { readonly attempt: Attempt; readonly index: number }): System {
  return ended(play, system, { ...of, outcome: AttemptOutcome.DEFERRED });
}

function ended(
  play: Play,
  system: System,
  of: { readonly attempt: Attempt; readonly index: number; readonly outcome: AttemptOutcome },
): System {
  const { attempt, index, outcome } = of;
  const deferredFor = outcome === AttemptOutcome.DEFERRED ? DeferReason.FROZEN : DeferReason.UNSPECIFIED;
  const about = { before: attempt.before, after: "", error: "", isRetryable: true, deferredFor, detail: undefined, detailCrc: 0 };
  const report = { task: attempt.task, attempt: attempt.attempt, outcome, ...about };
  return turned(play, without(system, index), { kind: "endAttempt", report });
}

function without(system: System, index: number): System {
  return { ...system, attempts: system.attempts.filter((_, at) => at !== index) };
}
