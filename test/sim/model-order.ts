// The order of stages as the model sees it: which may start, and which is skipped, by how those before it ended.
// 1. Said from the documents, not from the core: a stage without `needs` needs all before it.

import type { Stage } from "../../internal/gen/holdfast/v1/workflow_pb.ts";

/** How a stage ended. */
export type ModelResult = "good" | "failed" | "skipped" | undefined;

/** The stages of one workflow. */
export class ModelOrder {
  /** By position; undefined: it has not ended. */
  readonly results: ModelResult[];
  readonly #stages: readonly Stage[];

  constructor(stages: readonly Stage[]) {
    this.#stages = stages;
    this.results = stages.map(() => undefined);
  }

  /** True when it is its turn: all before it have ended or can never be reached, and what it needs ended well. */
  mayStart(stage: number): boolean {
    if (this.results[stage] !== undefined || !this.#isMet(stage)) return false;
    for (let before = 0; before < stage; before++) if (this.results[before] === undefined && this.#isMet(before)) return false;
    return true;
  }

  mustSkip(stage: number): boolean {
    return this.results[stage] === undefined && this.#stages[stage]?.needs !== undefined && !this.#isMet(stage);
  }

  /** A Retry: what did not end well is looked at again. */
  reopen(): void {
    for (const [stage, result] of this.results.entries()) if (result !== "good") this.results[stage] = undefined;
  }

  #isMet(stage: number): boolean {
    const names = this.#stages[stage]?.needs?.stages;
    return this.#stages.every((needed, index) => {
      if (names === undefined ? index >= stage : !names.includes(needed.name)) return true;
      return this.results[index] === "good" || (this.results[index] === "failed" && needed.continueOnError);
    });
  }
}
