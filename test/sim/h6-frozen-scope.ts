// H6: the scope is frozen at Submit: targets are resolved once, sorted and digested, and whatever the inventory says later changes nothing of it.

import { equals } from "@bufbuild/protobuf";
import { isOverTargets } from "../../internal/expr/workflow-parts.ts";
import { frozenDigest } from "../../internal/engine/frozen-digest.ts";
import type { Clock, JournalEntry } from "../../internal/engine/ports.ts";
import type { WorkflowSubmitted } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { TargetSchema } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import type { Target } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import type { HostCall, Invariant } from "./invariant.ts";
import { must } from "./violation.ts";

const NAME = "H6 scope moved";

/** Keeps H6. */
export class FrozenScope implements Invariant {
  readonly #targets = new Map<string, ReadonlyMap<string, Target>>();
  readonly #digests: Promise<string | undefined>[] = [];
  readonly #clock: Clock;
  readonly #isInInventory: (target: Target) => boolean;

  /** `isInInventory`: the inventory has, or ever had, just this target. */
  constructor(clock: Clock, isInInventory: (target: Target) => boolean) {
    this.#clock = clock;
    this.#isInInventory = isInInventory;
  }

  durable({ id, events }: JournalEntry): void {
    for (const { kind } of events) if (id !== undefined && kind.case === "workflowSubmitted") this.#freeze(id, kind.value);
  }

  called({ id, task, target }: HostCall): void {
    if (target === undefined) return;
    const frozen = this.#targets.get(id)?.get(target.name);
    const isSame = frozen !== undefined && (frozen === target || equals(TargetSchema, frozen, target));
    must(isSame, NAME, () => `task ${task} of ${id} is done at ${target.name}, which is not as it was frozen`);
  }

  /** Resolves when every digest was worked out again; throws for one that is another. */
  async checkDigests(): Promise<void> {
    for (const wrong of await Promise.all(this.#digests.splice(0))) must(wrong === undefined, NAME, () => wrong ?? "");
  }

  #freeze(id: string, submitted: WorkflowSubmitted): void {
    const { targets, digest, definition } = submitted;
    must(!this.#targets.has(id), NAME, () => `${id} is submitted twice`);
    const isOver = definition?.stages.some((stage) => isOverTargets(stage)) === true;
    must(targets.length > 0 || !isOver, NAME, () => `${id} chooses no target, and has stages over targets`);
    for (let at = 1; at < targets.length; at++) {
      const [before = "", name = ""] = [targets[at - 1]?.name, targets[at]?.name];
      must(before < name, NAME, () => `${id} has its targets out of order: ${before} before ${name}`);
    }
    for (const target of targets)
      must(this.#isInInventory(target), NAME, () => `${id} chooses ${target.name}, which was never so in the inventory`);
    this.#targets.set(id, new Map(targets.map((target) => [target.name, target])));
    this.#digests.push(
      frozenDigest(submitted, this.#clock).then((found) =>
        found === digest ? undefined : `${id} was frozen as ${digest}, and its parts come to ${found}`,
      ),
    );
  }
}
