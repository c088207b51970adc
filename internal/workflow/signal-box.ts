// The signals of a workflow that no attempt has had yet, oldest first by name, and the keys of all that it ever received.
// 1. Only the fold changes it. Signals that no action awaits are not kept: what they set is set.

import { digestJson } from "../base/digest.ts";
import type { JsonObject } from "../base/json.ts";
import { SIGNAL_KEYS_CARRIED_MAX } from "../base/endless-limits.ts";
import type { ContinuedAsNew, SignalReceived } from "../gen/holdfast/v1/event_pb.ts";

/** A signal that waits for an attempt. */
interface Queued {
  readonly data: JsonObject;
  readonly bytes: number;
}

/** A key, and what came under it. */
interface ReceivedKey {
  readonly name: string;
  readonly key: string;
  readonly digest: string;
}

/** Queues and keys. */
export class SignalBox {
  readonly #queues = new Map<string, Queued[]>();
  /** Digest of the data, by name and key. */
  readonly #keys = new Map<string, ReceivedKey>();
  /** How many of the keys, which come first, are those of the generation before. */
  #carried = 0;
  queued = 0;
  /** Of those that are queued, as JSON. */
  queuedBytes = 0;

  /** What a generation begins with. */
  static carriedOver({ signals, signalKeys }: ContinuedAsNew): SignalBox {
    const box = new SignalBox();
    for (const { name, key, digest } of signalKeys) box.#keys.set(keyOf(name, key), { name, key, digest });
    box.#carried = box.#keys.size;
    for (const { name, data = {} } of signals) box.#queue(name, data);
    return box;
  }

  /** The signals that no attempt has had, the oldest of each name first. */
  waiting(): readonly { readonly name: string; readonly data: JsonObject }[] {
    return [...this.#queues].flatMap(([name, queue]) => queue.map(({ data }) => ({ name, data })));
  }

  /** The last keys that were received in this generation. */
  newKeys(): readonly ReceivedKey[] {
    return [...this.#keys.values()].slice(this.#carried).slice(-SIGNAL_KEYS_CARRIED_MAX);
  }

  get keys(): number {
    return this.#keys.size;
  }

  /** The digest of what came under the key; undefined: nothing has. */
  seen(name: string, key: string): string | undefined {
    return key === "" ? undefined : this.#keys.get(keyOf(name, key))?.digest;
  }

  /** SignalReceived. */
  receive({ name, key, data = {} }: SignalReceived, isAwaited: boolean): void {
    if (key !== "") this.#keys.set(keyOf(name, key), { name, key, digest: digestJson(data) });
    if (isAwaited) this.#queue(name, data);
  }

  #queue(name: string, data: JsonObject): void {
    const bytes = signalBytes(data);
    const queue = this.#queues.get(name) ?? [];
    queue.push({ data, bytes });
    this.#queues.set(name, queue);
    this.queued += 1;
    this.queuedBytes += bytes;
  }

  /** The data of the oldest of the name. */
  oldest(name: string): JsonObject | undefined {
    return this.#queues.get(name)?.[0]?.data;
  }

  /** An attempt has had the oldest of the name. */
  take(name: string): void {
    const taken = this.#queues.get(name)?.shift();
    if (taken === undefined) return;
    this.queued -= 1;
    this.queuedBytes -= taken.bytes;
  }
}

/** The size of what comes with a signal. */
export function signalBytes(data: JsonObject): number {
  return Buffer.byteLength(JSON.stringify(data));
}

function keyOf(name: string, key: string): string {
  return `${name}\n${key}`;
}
