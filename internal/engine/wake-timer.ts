// The one timer of a workflow: when something may follow by the mere passing of time.
// 1. What the workflow keeps itself goes by the wall clock of its events; limits, rules and pauses go by the guard's clock, which no step moves.

import { nextDueMs } from "../workflow/dispatch.ts";
import type { WorkflowState } from "../workflow/state.ts";
import type { GuardState } from "../guard/guard.ts";
import { pauseEndsMs } from "../guard/limits.ts";
import type { Clock } from "./ports.ts";

/** So that a timer that fires early, or a due time that is past, never makes a busy loop. */
const TIMER_DELAY_MS_MIN = 1;

/** When a workflow is due; Infinity: never. */
export interface Due {
  readonly wallMs: number;
  readonly guardMs: number;
}

/**
 * When something may follow in the workflow by the mere passing of time. A pause that ended after a turn last looked, while that turn was on its
 * way to disk, is due: no other turn will come by itself.
 */
export function dueOf(state: WorkflowState, at: { readonly guard: GuardState; readonly lookedMs: number }): Due {
  const { parking, entrance, stageRun, life, isPaused, isCancelRequested, freeze } = state;
  const isStill = life.kind !== "executing" || isPaused || isCancelRequested || freeze?.isWhole === true;
  const pauseMs = stageRun?.isInWave === false ? pauseEndsMs(at.guard, state.blueprint.id) : 0;
  const lookMs = Math.min(parking.nextLookMs, entrance.nextLookMs, pauseMs > at.lookedMs ? pauseMs : Infinity);
  return { wallMs: nextDueMs(state) ?? Infinity, guardMs: isStill ? Infinity : lookMs };
}

/** Calls back once when what was set last is due. */
export class WakeTimer {
  readonly #clock: Clock;
  readonly #onDue: () => void;
  #set: { readonly due: Due; readonly cancel: () => void } | undefined;

  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** Waits for this, and for nothing that was set before. */
  set(due: Due, guardMs: number): void {
    if (this.#set?.due.wallMs === due.wallMs && this.#set.due.guardMs === due.guardMs) return;
    this.cancel();
    const delayMs = Math.min(due.wallMs - this.#clock.nowMs(), due.guardMs - guardMs);
    if (delayMs === Infinity) return;
    const cancel = this.#clock.after(Math.max(TIMER_DELAY_MS_MIN, delayMs), () => {
      // Should the clock say that it is too early, the turn that follows sets it anew.
      this.#set = undefined;
      this.#onDue();
    });
    this.#set = { due, cancel };
  }

  /** Waits for nothing. */
  cancel(): void {
    this.#set?.cancel();
    this.#set = undefined;
  }
}
