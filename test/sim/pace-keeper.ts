// Keeps what the pace promises, and what the service promises of what waits for it: nothing happens at a host before its turn came.
// 1. It counts by itself, from what begins and ends at the fleet's side of the pace. 2. A crash forgets whoever waited: they never begin.

import { AttemptOutcome } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { Clock, JournalEntry } from "../../internal/engine/ports.ts";
import { DurableFacts } from "./durable-facts.ts";
import type { HostCall, Invariant, Turn } from "./invariant.ts";
import type { PaceTerms } from "./seeded-pace.ts";
import { must } from "./violation.ts";

const NAME = "pace";

interface Origin {
  running: number;
  lastMs: number;
}

/** What a run came to: how often each thing happened that pacing is there to bring about. */
export interface PaceCounts {
  /** Began at a later time than it was asked for. */
  late: number;
  /** Was let go of before it began: a look, and a change whose ApplyStarted was durable. */
  refusedCheck: number;
  refusedApply: number;
  /** Waited when its life ended: a look, and a change whose ApplyStarted was durable. */
  forgottenCheck: number;
  forgottenApply: number;
  /** A change that had its leave, and was kept back when its turn came: a freeze had come meanwhile. */
  keptBack: number;
}

/** Nothing of it. */
export function noPaceCounts(): PaceCounts {
  return { late: 0, refusedCheck: 0, refusedApply: 0, forgottenCheck: 0, forgottenApply: 0, keptBack: 0 };
}

/** The keeper. */
export class PaceKeeper implements Invariant {
  readonly counts = noPaceCounts();
  readonly #clock: Clock;
  readonly #terms: PaceTerms;
  readonly #isFrozen: () => boolean;
  readonly #facts = new DurableFacts();
  readonly #waiting = new Map<number, { readonly turn: Turn; readonly askedMs: number }>();
  readonly #origins = new Map<string, Origin>();
  /** Changes that wait for their turn, or were let go of before it came, by attempt. */
  readonly #unbegun = new Map<string, "waits" | "was let go of">();
  #running = 0;
  /** The first life of the service that has not ended. */
  #life = 0;

  constructor(clock: Clock, terms: PaceTerms, isFrozen: () => boolean) {
    this.#clock = clock;
    this.#terms = terms;
    this.#isFrozen = isFrozen;
  }

  paced(turn: Turn): void {
    // What was over just before its life was is told just after.
    if (turn.life < this.#life && turn.what !== "begun") return;
    switch (turn.what) {
      case "asked":
        this.#waiting.set(turn.number, { turn, askedMs: this.#clock.monotonicMs() });
        if (turn.kind === "apply") this.#unbegun.set(keyOf(turn), "waits");
        return;
      case "begun":
        return this.#begin(turn);
      case "done":
        this.#origin(turn).running -= 1;
        this.#running -= 1;
        return;
      case "refused":
        this.counts[turn.kind === "apply" ? "refusedApply" : "refusedCheck"] += 1;
        return this.#refuse(turn);
      case "kept back":
        this.counts.keptBack += 1;
        return this.#refuse(turn);
      default:
        return turn.what satisfies never;
    }
  }

  durable(entry: JournalEntry): void {
    this.#facts.take(entry);
    for (const { kind } of entry.events) {
      if (entry.id === undefined || kind.case !== "attemptEnded" || kind.value.outcome !== AttemptOutcome.CHANGED) continue;
      const { task, attempt } = kind.value;
      const standing = this.#unbegun.get(keyOf({ id: entry.id, task, attempt }));
      must(standing === undefined, NAME, () => `attempt ${attempt} of task ${task} of ${entry.id} changed its host, and ${standing}`);
    }
  }

  changed({ id, task, attempt }: Omit<HostCall, "kind" | "life">): void {
    const standing = this.#unbegun.get(keyOf({ id, task, attempt }));
    must(standing === undefined, NAME, () => `attempt ${attempt} of task ${task} of ${id} touches its host, and ${standing}`);
  }

  crashed(life: number): void {
    for (const { turn } of this.#waiting.values()) this.counts[turn.kind === "apply" ? "forgottenApply" : "forgottenCheck"] += 1;
    this.#waiting.clear();
    this.#origins.clear();
    this.#unbegun.clear();
    this.#running = 0;
    this.#life = life + 1;
  }

  ended(): void {
    must(this.#waiting.size === 0, NAME, () => `${this.#waiting.size} calls wait for their turn when all has ended`);
    must(this.#running === 0, NAME, () => `${this.#running} calls are under way when all has ended`);
  }

  #begin(turn: Turn): void {
    const { number, id, task, attempt, origin, life } = turn;
    const what = (): string => `${turn.kind} of attempt ${attempt} of task ${task} of ${id} toward ${origin}`;
    const asked = this.#waiting.get(number);
    must(life >= this.#life, NAME, () => `${what()} begins in life ${life}, which has ended`);
    must(asked !== undefined, NAME, () => `${what()} begins, and does not wait for its turn`);
    this.#waiting.delete(number);
    if (turn.kind === "apply") this.#unbegun.delete(keyOf(turn));
    const running = this.#facts.of(id).running.get(task);
    must(running?.attempt === attempt, NAME, () => `${what()} begins, and the attempt is not under way any more`);
    const nowMs = this.#clock.monotonicMs();
    if (asked !== undefined && nowMs > asked.askedMs) this.counts.late += 1;
    const isStopped = turn.kind === "apply" && running?.isApplying === true && this.#isFrozen();
    must(!isStopped, NAME, () => `${what()} begins while the file FREEZE is there`);
    const line = this.#origin(turn);
    const sinceMs = nowMs - line.lastMs;
    const { concurrentMax, startIntervalMs } = this.#terms;
    must(line.running < concurrentMax, NAME, () => `${what()} begins beside ${line.running} others, ${concurrentMax} may go on`);
    must(sinceMs >= startIntervalMs, NAME, () => `${what()} begins ${sinceMs} ms after another one, ${startIntervalMs} must pass`);
    line.lastMs = nowMs;
    line.running += 1;
    this.#running += 1;
  }

  #refuse(turn: Turn): void {
    const { number, kind, origin, id, task } = turn;
    must(this.#waiting.delete(number), NAME, () => `${kind} of task ${task} of ${id} toward ${origin} is let go of, and had begun`);
    if (kind === "apply") this.#unbegun.set(keyOf(turn), "was let go of");
  }

  #origin({ origin }: Turn): Origin {
    const known = this.#origins.get(origin) ?? { running: 0, lastMs: -Infinity };
    this.#origins.set(origin, known);
    return known;
  }
}

function keyOf({ id, task, attempt }: Pick<HostCall, "id" | "task" | "attempt">): string {
  return `${id} ${task}.${attempt}`;
}
