// The order of stages as the model sees it: which may start, and which is skipped, by how those before it ended.
// 1. Said from the documents, not from the core: a stage without `needs` needs all before it of its own list; what handles how the
//    main stages ended comes when none of them can start any more.

import type { Part } from "../../internal/expr/workflow-parts.ts";
import type { Stage } from "../../internal/gen/holdfast/v1/workflow_pb.ts";

/** How a stage ended. */
export type ModelResult = "good" | "failed" | "skipped" | undefined;

/** What is known of the workflow. */
interface OrderOwner {
  readonly isPlan: boolean;
  readonly isCancelled: boolean;
  readonly stages: readonly Stage[];
  readonly stageParts: readonly Part[];
}

/** The stages of one workflow. */
export class ModelOrder {
  /** By position; undefined: it has not ended. */
  readonly results: ModelResult[];
  /** How an action finished the workflow early; undefined: none did. */
  finish: "good" | "failed" | undefined;
  readonly #owner: OrderOwner;

  constructor(owner: OrderOwner) {
    this.#owner = owner;
    this.results = owner.stages.map(() => undefined);
  }

  /** True when it is its turn: all before it have ended or can never be reached, and what it needs ended well. */
  mayStart(stage: number): boolean {
    if (this.results[stage] !== undefined || !this.#isMet(stage) || !this.isWanted(stage)) return false;
    for (let before = 0; before < stage; before++)
      if (this.results[before] === undefined && this.#isMet(before) && this.isWanted(before)) return false;
    return true;
  }

  mustSkip(stage: number): boolean {
    return this.results[stage] === undefined && this.#owner.stages[stage]?.needs !== undefined && !this.#isMet(stage);
  }

  /** False for what handles an end and is not run. */
  isWanted(stage: number): boolean {
    return this.#owner.stageParts[stage] === "main" || (!this.#owner.isCancelled && this.handlesEnd(stage));
  }

  /** False for what handles another end than that of the main stages; a cancel puts off what handles this one, to a Retry. */
  handlesEnd(stage: number): boolean {
    const part = this.#owner.stageParts[stage];
    if (part === "main") return true;
    if (this.#owner.isPlan) return false;
    const hasFailed = this.results.some(
      (result, index) =>
        result === "failed" && this.#owner.stageParts[index] === "main" && this.#owner.stages[index]?.continueOnError !== true,
    );
    return part === "always" || part === (hasFailed || this.finish === "failed" ? "on_failure" : "on_success");
  }

  /** An action finished the workflow: no further main stage is run. */
  skipRest(underWay: number): readonly number[] {
    const rest = [...this.results.keys()].filter(
      (stage) => stage !== underWay && this.results[stage] === undefined && this.#owner.stageParts[stage] === "main",
    );
    for (const stage of rest) this.results[stage] = "skipped";
    return rest;
  }

  /** A Retry: what did not end well is looked at again. True when a main stage is. */
  reopen(): boolean {
    for (const [stage, result] of this.results.entries()) if (result !== "good") this.results[stage] = undefined;
    const isMain = this.results.some((result, stage) => result === undefined && this.#owner.stageParts[stage] === "main");
    if (isMain) for (const stage of this.results.keys()) if (this.#owner.stageParts[stage] !== "main") this.results[stage] = undefined;
    return isMain;
  }

  #isMet(stage: number): boolean {
    const { stages, stageParts } = this.#owner;
    const names = stages[stage]?.needs?.stages;
    return stages.every((needed, index) => {
      const isNeeded = names === undefined ? index < stage && stageParts[index] === stageParts[stage] : names.includes(needed.name);
      if (!isNeeded) return true;
      return this.results[index] === "good" || (this.results[index] === "failed" && needed.continueOnError);
    });
  }
}
