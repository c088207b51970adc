// What was said of attempts by their tokens, as the model sees it: received once, in time, and the attempt ends so.

import type { AttemptEnded, CompletionReceived, Event } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { AttemptOutcome } from "../../internal/gen/holdfast/v1/event_pb.ts";

/** What a rule says when it is broken. */
type Rule = (name: string, holds: boolean) => void;

/** The completions of one workflow. */
export class ModelCompletions {
  readonly #rule: Rule;
  readonly #said = new Map<string, CompletionReceived>();
  /** Attempts that await a completion, by task. */
  readonly #awaiting = new Map<number, number>();

  constructor(rule: Rule) {
    this.#rule = rule;
  }

  /** True while what the task's attempt handed out is awaited. */
  isAwaited(task: number): boolean {
    return this.#awaiting.has(task);
  }

  /** An event; `attempt` is the one under way of the task that it is about, 0: none. */
  take(kind: Event["kind"], attempt: number): void {
    switch (kind.case) {
      case "completionReceived":
        this.#rule("a completion is about the attempt under way", kind.value.attempt === attempt);
        this.#rule("an attempt is completed once", !this.#said.has(nameOf(kind.value)));
        this.#said.set(nameOf(kind.value), kind.value);
        return;
      case "attemptAwaits":
        if (kind.value.awaited?.kind.case !== "completion") return;
        this.#rule("what was said before is not awaited", !this.#said.has(nameOf(kind.value)));
        this.#awaiting.set(kind.value.task, kind.value.attempt);
        return;
      case "attemptEnded":
        this.#end(kind.value);
        return;
      default:
    }
  }

  #end(ended: AttemptEnded): void {
    const { task, outcome, error } = ended;
    const said = this.#said.get(nameOf(ended));
    const isGood = outcome === AttemptOutcome.CHANGED || outcome === AttemptOutcome.UNCHANGED;
    // What is done and cannot be kept (its `set`, its `until`) has failed for another reason.
    if (said?.failed === true) this.#rule("what failed outside has failed", outcome === AttemptOutcome.FAILED);
    if (said?.failed === false) this.#rule("what was done outside is done", isGood || (outcome === AttemptOutcome.FAILED && error !== ""));
    if (said === undefined && this.#awaiting.has(task)) this.#rule("what nobody said anything of is not done", !isGood);
    this.#awaiting.delete(task);
  }
}

function nameOf({ task, attempt }: { readonly task: number; readonly attempt: number }): string {
  return `${task} ${attempt}`;
}
