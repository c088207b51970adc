// The policies of a simulated service: a real directory of files that are edited while it runs, is down, or is killed.
// 1. The directory is looked at when the simulation says so, not every two seconds: an edit is in force from look() on.
// 2. The judge is wrapped: whoever is asked shows the live ledger to a checker first, at the moment of the question.

import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HoldfastError } from "../../internal/base/errors.ts";
import type { Clock, GateQuestion, Inventory, Policies } from "../../internal/engine/ports.ts";
import { createPolicies } from "../../internal/policy/policies.ts";
import type { PolicyTerms } from "./random-policies.ts";
import { policyDigest, policyText } from "./random-policies.ts";

/** Files, and what they say in plain terms. */
export class PolicyShelf {
  /** Every version that ever was, by digest. */
  readonly versions = new Map<string, PolicyTerms>();
  /** Called with each question at a gate, outside of turns. */
  onQuestion: (question: GateQuestion) => void = () => undefined;
  /** How long a judgement takes, in turns of the event loop: meanwhile others move. */
  rest: () => Promise<void> = async () => undefined;
  /** True: the worker that judges is away, and the question is refused. */
  isAway: () => boolean = () => false;
  /** The version that the service goes by now; undefined: nobody can tell, or the built-in default. */
  current: PolicyTerms | undefined;
  /** True when the file cannot be read: new work is refused. */
  isBroken = false;
  readonly #directory: string;
  #written: PolicyTerms | "broken" | undefined;
  #poll: () => void = () => undefined;
  /** Which of its services lives: those that were killed have timers left, and ask nobody. */
  #life = 0;

  constructor(first: PolicyTerms) {
    this.#directory = mkdtempSync(join(tmpdir(), "holdfast-sim-"));
    this.write(first);
  }

  /** Edits the file. */
  write(terms: PolicyTerms | "broken"): void {
    const text = terms === "broken" ? "name: sim\nmatch: 'workflow.nmae'\n" : policyText(terms);
    if (terms !== "broken") this.versions.set(policyDigest(terms), terms);
    writeFileSync(join(this.#directory, "sim.new"), text);
    renameSync(join(this.#directory, "sim.new"), join(this.#directory, "sim.yaml"));
    this.#written = terms;
  }

  /** The service looks at its files. */
  look(): void {
    this.#take();
    this.#poll();
  }

  /** What a service that starts now opens. */
  open(ports: { readonly clock: Clock; readonly inventory: Inventory; judging(policies: Policies): Policies }): Policies {
    this.current = undefined;
    this.#take();
    const clock: Clock = {
      nowMs: () => ports.clock.nowMs(),
      monotonicMs: () => ports.clock.monotonicMs(),
      bootId: () => ports.clock.bootId(),
      after: (_, callback) => {
        this.#poll = callback;
        return () => undefined;
      },
    };
    const options = { directory: this.#directory, clock, inventory: ports.inventory, log: () => undefined };
    return this.#watched(ports.judging(createPolicies(options)));
  }

  /** Its files are gone. */
  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #take(): void {
    this.isBroken = this.#written === "broken";
    if (this.#written !== "broken") this.current = this.#written;
  }

  #watched(policies: Policies): Policies {
    this.#life += 1;
    const life = this.#life;
    const judge: Policies["judge"] = async (question) => {
      if (life === this.#life) this.onQuestion(question);
      if (this.isAway()) throw new HoldfastError("UNAVAILABLE", "nobody can judge now");
      const judgement = await policies.judge(question);
      await this.rest();
      return judgement;
    };
    return new Proxy(policies, {
      get(target, key) {
        if (key === "judge") return judge;
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }
}
