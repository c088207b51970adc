// Sees to it that the worker holds what a question names: inventories, workflows, versions of policies. What it holds is not sent again.
// 1. A workflow whose targets are those of a held inventory travels as positions in it; any other one with its own list.
// 2. Must run within a job of the thread: what is asked for stays held until the job ends.

import { create, toBinary } from "@bufbuild/protobuf";
import type { Clock } from "../engine/ports.ts";
import { WorkflowSubmittedSchema } from "../gen/holdfast/v1/event_pb.ts";
import type { WorkflowSubmitted } from "../gen/holdfast/v1/event_pb.ts";
import type { PolicySet } from "./policy-set.ts";
import type { CompiledPolicy } from "./policy.ts";
import type { WorkerLine } from "./worker-line.ts";
import type { Bytes, HeldKey, HeldTargets, SetMessage } from "./worker-message.ts";
import { packTargets, positionsIn } from "./worker-packing.ts";
import type { NamedTarget } from "./worker-packing.ts";

/** What goes to the worker. */
export class WorkerCargo {
  readonly #clock: Clock;
  /** Lists are never changed: one that was digested is known again by being the same. */
  readonly #digests = new WeakMap<readonly NamedTarget[], string>();
  readonly #numbers = new WeakMap<WorkflowSubmitted, number>();
  #lastNumber = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sends a list of targets unless it is held. */
  async list(line: WorkerLine, targets: readonly NamedTarget[]): Promise<HeldKey> {
    const found = this.#heldList(line, targets);
    if (found !== undefined) return found;
    const { digest, parts } = await packTargets(targets, this.#clock);
    this.#digests.set(targets, digest);
    const held = line.lists.find(digest);
    if (held !== undefined) return held;
    const { key, forgotten } = line.lists.put(digest, targets.length);
    forget(line, forgotten);
    line.send({ kind: "list", key, bytes: new TextEncoder().encode("[]") }); // a list of nothing is a list too
    for (const bytes of parts) line.send({ kind: "list", key, bytes }, [bytes.buffer]);
    return key;
  }

  /** Sends a workflow unless it is held; `inventory` is where its targets may have come from. */
  async workflow(line: WorkerLine, submitted: WorkflowSubmitted, inventory: readonly NamedTarget[]): Promise<HeldKey> {
    const number = this.#numbers.get(submitted) ?? ++this.#lastNumber;
    this.#numbers.set(submitted, number);
    const found = line.workflows.find(number);
    if (found !== undefined) return found;
    const targets = this.#among(line, submitted.targets, inventory) ?? {
      list: await this.list(line, submitted.targets),
      positions: undefined,
    };
    const { key, forgotten } = line.workflows.put(number, Math.max(1, submitted.targets.length));
    forget(line, forgotten);
    const bytes = ownBytes(toBinary(WorkflowSubmittedSchema, headOf(submitted)));
    const transfer = targets.positions === undefined ? [bytes.buffer] : [bytes.buffer, targets.positions.buffer];
    line.send({ kind: "workflow", key, submitted: bytes, targets }, transfer);
    return key;
  }

  /** Sends the versions that are not held. */
  policies(line: WorkerLine, { isConfigured, versions, broken, pinned }: PolicySet): SetMessage {
    const keyOf = (policy: CompiledPolicy | undefined): HeldKey | undefined =>
      policy === undefined ? undefined : heldPolicy(line, policy);
    return {
      isConfigured,
      versions: versions.map((policy) => heldPolicy(line, policy)),
      broken: broken.map(({ file, fault, lastGood }) => ({ file, fault, lastGood: keyOf(lastGood) })),
      pinned: pinned.map(({ name, digest, reason, policy }) => ({ name, digest, reason, policy: keyOf(policy) })),
    };
  }

  #heldList(line: WorkerLine, targets: readonly NamedTarget[]): HeldKey | undefined {
    const digest = this.#digests.get(targets);
    return digest === undefined ? undefined : line.lists.find(digest);
  }

  #among(line: WorkerLine, targets: readonly NamedTarget[], inventory: readonly NamedTarget[]): HeldTargets | undefined {
    const list = this.#heldList(line, inventory);
    const positions = list === undefined ? undefined : positionsIn(inventory, targets);
    return list === undefined || positions === undefined ? undefined : { list, positions };
  }
}

/** Bytes that own their memory whole. */
export function ownBytes(bytes: Uint8Array): Bytes {
  return new Uint8Array(bytes);
}

function heldPolicy(line: WorkerLine, { file, digest, source }: CompiledPolicy): HeldKey {
  const item = `${file}\0${digest}`;
  const found = line.policies.find(item);
  if (found !== undefined) return found;
  const { key, forgotten } = line.policies.put(item, source.length);
  forget(line, forgotten);
  line.send({ kind: "policy", key, file, source });
  return key;
}

/** What judges read of a workflow beside its targets. */
function headOf(submitted: WorkflowSubmitted): WorkflowSubmitted {
  const { id, definition, params, namespace, key, priority, annotations, mode, digest, actionKinds } = submitted;
  const head = { id, namespace, key, priority, annotations, mode, digest, actionKinds };
  return create(WorkflowSubmittedSchema, {
    ...head,
    ...(definition === undefined ? {} : { definition }),
    ...(params === undefined ? {} : { params }),
  });
}

function forget(line: WorkerLine, keys: readonly HeldKey[]): void {
  for (const key of keys) line.send({ kind: "forget", key });
}
