// Which targets are at risk as the model sees it, over all stages, and whether anything is known that made them so.
// 1. One that only an unknown task put at risk was perhaps never touched: when a person takes the doubt away, nothing is left of it.

/** Targets at risk. */
export class ModelRisk {
  readonly #targets = new Set<number>();
  readonly #doubted = new Set<number>();

  get size(): number {
    return this.#targets.size;
  }

  /** Puts a target at risk: by an apply, or because it failed or was unreachable (known), or by an unknown task. False when it was so before. */
  add(target: number, why: "known" | "unknown"): boolean {
    const isNew = !this.#targets.has(target);
    this.#targets.add(target);
    if (why === "known") this.#doubted.delete(target);
    else if (isNew) this.#doubted.add(target);
    return isNew;
  }

  /** True when something was begun on it, or failed. */
  isKnown(target: number): boolean {
    return this.#targets.has(target) && !this.#doubted.has(target);
  }

  delete(target: number): void {
    this.#targets.delete(target);
    this.#doubted.delete(target);
  }
}
