// The journal of the model: what the real core appends, turn by turn. Each history is a node, so that a state names one by its number.
// 1. The core is the product's: takeTurn, fold and guard. A turn is worked out once for each history and command; nothing else decides here.
// 2. An append is whole or absent, as a batch of LevelDB is.

import { create, fromJson } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { timeMs, WorkflowId } from "../../internal/base/ids.ts";
import { assert, assertNever } from "../../internal/base/assert.ts";
import { takeTurn } from "../../internal/engine/turn.ts";
import type { GuardEvent } from "../../internal/gen/holdfast/journal/v1/journal_pb.ts";
import { Mode, WorkflowSubmittedSchema } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { Event } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { FreezeMode, FreezeScopeSchema } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import { WorkflowDefinitionSchema } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { freezesOf, liftFreezes, placeFreeze } from "../../internal/guard/freeze.ts";
import { applyGuardEvent, emptyGuard } from "../../internal/guard/guard.ts";
import type { GuardState } from "../../internal/guard/guard.ts";
import { anchorClock } from "../../internal/guard/guard-time.ts";
import { applyEvent, foldFirst } from "../../internal/workflow/apply.ts";
import type { Command } from "../../internal/workflow/commands.ts";
import { caused } from "../../internal/workflow/events.ts";
import type { WorkflowState } from "../../internal/workflow/state.ts";
import { isGood, TaskState } from "../../internal/workflow/task-state.ts";
import { someTargets, World } from "../fakes/world.ts";

const ID = WorkflowId.parse("019a9f1e-5c3a-7d10-8f00-0123456789ab");
const EVERYTHING = create(FreezeScopeSchema, { kind: { case: "everything", value: true } });
const POLICIES = new World().policies;
const NOW_MS = 1_000;
const TTL_MS = 3_600_000;
/** Long after a submission that nobody executed has expired. */
export const LATE_MS = 2 * TTL_MS;

/** Two tasks on one host: the first may be repeated and can be looked at, the second is neither. */
const DEFINITION: JsonValue = {
  name: "two",
  targets: { where: "true" },
  stages: [
    {
      name: "fix",
      over: { targets: true },
      actions: [
        { name: "first", uses: "set", with: { name: "a", value: "1" }, retry: { attempts: 1 } },
        { name: "second", uses: "touch", retry: { attempts: 1 } },
      ],
    },
  ],
};

/** An attempt that the history says is under way. */
export interface Running {
  readonly task: number;
  readonly attempt: number;
  /** Present: its apply began, and this is what the check had found before. */
  readonly before: string | undefined;
}

/** What a history says, for steps and rules. */
export interface View {
  readonly life: "none" | "submitted" | "executing" | "expired" | "ended";
  readonly running: readonly Running[];
  /** Tasks that came to a good end. */
  readonly good: readonly number[];
  readonly unknown: readonly number[];
  readonly freezes: readonly string[];
  /** When it was submitted. */
  readonly submittedAtMs: number | undefined;
}

interface Append {
  readonly events: readonly Event[];
  readonly guardEvents: readonly GuardEvent[];
  readonly atMs: number;
}

interface Node {
  readonly parent: number;
  readonly append: Append;
  readonly after: Map<string, number>;
  view: View | undefined;
}

/** What is done to a history. */
export type Act =
  | { readonly kind: "submit" }
  | { readonly kind: "freeze" }
  | { readonly kind: "thaw" }
  | { readonly kind: "turn"; readonly command: Command };

/** All histories that were met. */
export class Histories {
  readonly #nodes: Node[] = [{ parent: -1, append: { events: [], guardEvents: [], atMs: NOW_MS }, after: new Map(), view: undefined }];

  /** The history with nothing in it. */
  readonly empty = 0;

  get size(): number {
    return this.#nodes.length;
  }

  /** The history after the act: the same one when it changes nothing or is refused. `isLate`: the submission's time is over. */
  after(history: number, act: Act, isLate: boolean): number {
    const node = this.#node(history);
    const key = `${isLate} ${JSON.stringify(act)}`;
    const known = node.after.get(key);
    if (known !== undefined) return known;
    const append = this.#act(history, act, isLate ? LATE_MS : NOW_MS);
    const isNothing = append.events.length + append.guardEvents.length === 0;
    const next = isNothing ? history : this.#nodes.push({ parent: history, append, after: new Map(), view: undefined }) - 1;
    node.after.set(key, next);
    return next;
  }

  view(history: number): View {
    const node = this.#node(history);
    node.view ??= viewOf(this.#fold(history));
    return node.view;
  }

  /** The histories from `from` to `to`, both included; `from` is where `to` came from. */
  between(from: number, to: number): readonly number[] {
    const path = [to];
    for (let here = to; here !== from;) {
      here = this.#node(here).parent;
      path.unshift(here);
    }
    return path;
  }

  includes(history: number, earlier: number): boolean {
    let here = history;
    while (here > earlier) here = this.#node(here).parent;
    return here === earlier;
  }

  #node(history: number): Node {
    const node = this.#nodes[history];
    assert(node !== undefined, "a history is met before it is asked about");
    return node;
  }

  #act(history: number, act: Act, atMs: number): Append {
    const { state, guard } = this.#fold(history);
    const time = { bootId: "boot", monotonicMs: atMs, wallMs: atMs };
    const moved = (guardEvents: readonly GuardEvent[]): Append => {
      return { events: [], atMs, guardEvents: guardEvents.length === 0 ? [] : [...anchorClock(guard, time), ...guardEvents] };
    };
    switch (act.kind) {
      case "submit":
        return state === undefined ? { events: [submitted()], guardEvents: [], atMs } : moved([]);
      case "freeze":
        return moved(placeFreeze(guard, { scope: EVERYTHING, mode: FreezeMode.FINISH, reason: "look", by: "bob" }, atMs).events);
      case "thaw":
        return moved(liftFreezes(guard, { scope: EVERYTHING }, { by: "bob", reason: "looked" }, atMs).events);
      case "turn": {
        if (state === undefined) return moved([]);
        const facts = { fraction: () => 0.5, detail: () => undefined };
        const stop = () => ({ kind: "absent" as const });
        const now = { guardMs: atMs, nowMs: timeMs(atMs), time, stop };
        const { events, guardEvents } = takeTurn({ state, guard, commands: [act.command], facts, policies: POLICIES, ...now });
        return { events, guardEvents, atMs };
      }
      default:
        return assertNever(act);
    }
  }

  /** Replays it: the product's own fold. */
  #fold(history: number): { readonly state: WorkflowState | undefined; readonly guard: GuardState } {
    const guard = emptyGuard();
    let state: WorkflowState | undefined;
    for (const here of this.between(this.empty, history)) {
      const { events, guardEvents, atMs } = this.#node(here).append;
      for (const event of events) {
        if (state === undefined) state = foldFirst(event, timeMs(atMs));
        else applyEvent(state, event, timeMs(atMs));
      }
      for (const event of guardEvents) applyGuardEvent(guard, event);
    }
    return { state, guard };
  }
}

function submitted(): Event {
  const definition = fromJson(WorkflowDefinitionSchema, DEFINITION);
  const about = { id: ID, definition, targets: [...someTargets(1)], namespace: "default", digest: `sha256:${"0".repeat(64)}` };
  const value = create(WorkflowSubmittedSchema, { ...about, mode: Mode.APPLY, expiresAfterMs: TTL_MS });
  return caused("ann", "workflowSubmitted", value);
}

function viewOf({ state, guard }: { readonly state: WorkflowState | undefined; readonly guard: GuardState }): View {
  const freezes = freezesOf(guard).map(({ id }) => id);
  if (state === undefined) return { life: "none", running: [], good: [], unknown: [], freezes, submittedAtMs: undefined };
  const tasks = [0, 1];
  return {
    life: state.life.kind,
    running: [...state.running].map(([task, { attempt, before }]) => ({ task, attempt, before })),
    good: tasks.filter((task) => isGood(state.tasks.get(task))),
    unknown: tasks.filter((task) => state.tasks.get(task) === TaskState.UNKNOWN),
    freezes,
    submittedAtMs: state.submittedAtMs,
  };
}
