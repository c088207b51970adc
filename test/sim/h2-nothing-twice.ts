// H2: a succeeded task does not run again but in another generation, or a round that names it, a failed one only by its retry rule or a recorded Retry; an attempt in doubt is settled by looking.
// 1. By the journal: what may start is said by the events alone. 2. By the hosts: no attempt changes its host twice, and no task does after
// another attempt of it did, unless a person let it run again, its host was spoilt meanwhile, or what it does may be repeated.

import type { JournalEntry } from "../../internal/engine/ports.ts";
import { AttemptOutcome, Resolution } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { Again, Event } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { columnsOf, knownBefore, stagesOf, widthOf } from "../../internal/expr/workflow-parts.ts";
import type { WorkflowDefinition } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import type { HostCall, Invariant } from "./invariant.ts";
import { TaskLayout } from "./task-layout.ts";
import { must } from "./violation.ts";

const NAME = "H2 done twice";
/** Actions of the fleet that may be repeated and leave nothing to look at. */
const REPEATABLE: ReadonlySet<string> = new Set(["send"]);

/** Where a task stands: `closed` starts again only by a Retry. */
type Standing = "open" | "running" | "applying" | "done" | "closed" | "held";

interface Task {
  standing: Standing;
  attempt: number;
  /** The attempt that changed the host; undefined: none, or somebody else did since. */
  changedIn: number | undefined;
  /** It handed out its work: whoever was to do it may say that it failed, or a cancel ends the waiting; then it is handed out anew, by another token. */
  isHandedOut: boolean;
}

/** Keeps H2. */
export class NothingTwice implements Invariant {
  readonly #tasks = new Map<string, Map<number, Task>>();
  /** Which tasks handle how others ended: a Retry brings them again with what they handle. */
  readonly #kinds = new Map<string, (task: number) => TaskKind | undefined>();
  /** The tasks of each workflow by stage. */
  readonly #layouts = new Map<string, TaskLayout>();
  /** Tasks that changed a host, by its name: somebody else may spoil their work. */
  readonly #changedAt = new Map<string, Set<Task>>();

  durable({ id, events }: JournalEntry): void {
    if (id === undefined) return;
    for (const event of events) this.#take(id, event);
  }

  changed({ id, task: index, attempt, uses, target }: Omit<HostCall, "kind" | "life">): void {
    if (REPEATABLE.has(uses)) return;
    const task = this.#task(id, index);
    const where = target?.name ?? "the service";
    const what = (): string => `task ${index} of ${id} changed ${where} in attempt ${task.changedIn}, and again in attempt ${attempt}`;
    must(task.changedIn === undefined, NAME, what);
    task.changedIn = attempt;
    const host = target?.name ?? "service";
    this.#changedAt.set(host, (this.#changedAt.get(host) ?? new Set<Task>()).add(task));
  }

  spoilt(target: string): void {
    for (const task of this.#changedAt.get(target) ?? []) task.changedIn = undefined;
    this.#changedAt.delete(target);
  }

  #take(id: string, { kind }: Event): void {
    switch (kind.case) {
      case "workflowSubmitted":
        if (kind.value.definition !== undefined) this.#kinds.set(id, kindFinder(kind.value.definition, kind.value.targets.length));
        this.#layouts.set(id, new TaskLayout(kind.value));
        return;
      case "attemptStarted":
        return this.#start(id, kind.value);
      case "applyStarted": {
        const task = this.#task(id, kind.value.task);
        must(task.standing === "running", NAME, () => `task ${kind.value.task} of ${id} is applied, and is ${task.standing}`);
        task.standing = "applying";
        return;
      }
      case "attemptEnded": {
        const { task: index, outcome, retryAfterMs, repeatAfterMs, iteration } = kind.value;
        const task = this.#task(id, index);
        task.standing = standingAfter(outcome, retryAfterMs !== undefined);
        if (task.isHandedOut && (outcome === AttemptOutcome.FAILED || outcome === AttemptOutcome.CANCELLED)) task.changedIn = undefined;
        task.isHandedOut = false;
        if (repeatAfterMs !== undefined) begin(task);
        // The last iteration: what it changed stands, and a Retry begins another run.
        if (iteration > 0 && outcome === AttemptOutcome.FAILED) task.changedIn = undefined;
        return;
      }
      case "attemptAwaits":
      case "completionReceived":
        this.#task(id, kind.value.task).isHandedOut = true;
        return;
      case "taskSkipped":
      case "taskRefused":
        this.#task(id, kind.value.task).standing = "closed";
        return;
      case "taskResolved":
        return this.#resolve(id, kind.value);
      case "stageRepeated":
        for (const [index, task] of this.#tasks.get(id) ?? [])
          if (this.#layouts.get(id)?.isInStage(index, kind.value.stage) === true) begin(task);
        return;
      case "continuedAsNew":
        // Another generation: what it does is its own.
        this.#tasks.delete(id);
        return;
      case "workflowRetried":
        return this.#retry(id, kind.value.again);
      default:
    }
  }

  /** What handles an end comes again with what it handles; what was undone is done again. */
  #retry(id: string, round: Again | undefined): void {
    const tasks = this.#tasks.get(id) ?? new Map<number, Task>();
    const kindOf = this.#kinds.get(id);
    const again = [...tasks].map(([index, task]) => {
      const kind = kindOf?.(index);
      const isUndone = kind?.undos.some((undo) => wasTried(tasks.get(undo))) === true;
      return { task, isNamed: this.#layouts.get(id)?.isNamed(index, round) === true, isAgain: kind?.isHandler === true || isUndone };
    });
    for (const { task, isNamed, isAgain } of again)
      if (isNamed) begin(task);
      else this.#reopen(task, isAgain);
  }

  #start(id: string, { task: index, attempt }: { readonly task: number; readonly attempt: number }): void {
    const task = this.#task(id, index);
    must(task.standing === "open", NAME, () => `attempt ${attempt} of task ${index} of ${id} starts, and the task is ${task.standing}`);
    task.standing = "running";
    task.attempt = attempt;
  }

  #resolve(id: string, { task: index, resolution }: { readonly task: number; readonly resolution: Resolution }): void {
    const task = this.#task(id, index);
    must(task.standing === "held", NAME, () => `task ${index} of ${id} is resolved, and is ${task.standing}`);
    if (resolution === Resolution.RUN_AGAIN) this.#reopen(task);
    else task.standing = resolution === Resolution.SUCCEEDED ? "done" : "closed";
  }

  /** A person wants it to run again: of what is held nobody knows whether it was done, and that is the person's word. */
  #reopen(task: Task, isHandler = false): void {
    if (task.standing === "done" && !isHandler) return;
    if (task.standing === "held" || isHandler) task.changedIn = undefined;
    task.standing = "open";
  }

  #task(id: string, index: number): Task {
    const tasks = this.#tasks.get(id) ?? new Map<number, Task>();
    this.#tasks.set(id, tasks);
    const task = tasks.get(index) ?? { standing: "open", attempt: 0, changedIn: undefined, isHandedOut: false };
    tasks.set(index, task);
    return task;
  }
}

/** Another run: what the one before changed is its own. */
function begin(task: Task): void {
  task.standing = "open";
  task.changedIn = undefined;
}

/** An undo that ended, however it did: its action is done again. */
function wasTried(undo: Task | undefined): boolean {
  return undo?.standing === "done" || undo?.standing === "held" || (undo?.standing === "closed" && undo.attempt > 0);
}

/** What a Retry needs to know of a task. */
interface TaskKind {
  readonly isHandler: boolean;
  /** The tasks that undo it, or what it needs. */
  readonly undos: readonly number[];
}

function kindFinder(definition: WorkflowDefinition, targets: number): (task: number) => TaskKind | undefined {
  let first = 0;
  const stages = stagesOf(definition).map(({ stage, part }) => {
    const columns = columnsOf(stage);
    const before = knownBefore(columns);
    const kinds = columns.map((column, index) => ({
      // A finish is asked again, too.
      isHandler: part !== "main" || column.part !== "main" || column.way.uses === "finish",
      undos: columns.flatMap((other, at) => {
        const isOf = other.action === column.action || (before[index] ?? []).some((known) => columns[known]?.action === other.action);
        return other.part === "undo" && column.part === "main" && isOf ? [at] : [];
      }),
    }));
    const found = { first, kinds };
    first += kinds.length * widthOf(stage, targets);
    return found;
  });
  return (task) => {
    const found = stages.findLast((stage) => stage.first <= task && stage.kinds.length > 0);
    if (found === undefined) return undefined;
    const action = (task - found.first) % found.kinds.length;
    const kind = found.kinds[action];
    return kind === undefined ? undefined : { ...kind, undos: kind.undos.map((undo) => task - action + undo) };
  };
}

function standingAfter(outcome: AttemptOutcome, isRetried: boolean): Standing {
  switch (outcome) {
    case AttemptOutcome.UNCHANGED:
    case AttemptOutcome.CHANGED:
      return "done";
    case AttemptOutcome.UNKNOWN:
      return "held";
    case AttemptOutcome.DEFERRED:
      return "open";
    default:
      return isRetried ? "open" : "closed";
  }
}
