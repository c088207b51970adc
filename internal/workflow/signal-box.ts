// The signals of a workflow that no attempt has had yet, oldest first by name, and the keys of all that it ever received.
// 1. Only the fold changes it. Signals that no action awaits are not kept: what they set is set.

import { digestJson } from "../base/digest.ts";
import type { JsonObject } from "../base/json.ts";
import type { SignalReceived } from "../gen/holdfast/v1/event_pb.ts";

/** A signal that waits for an attempt. */
interface Queued {
  readonly data: JsonObject;
  readonly bytes: number;
}

/** Queues and keys. */
export class SignalBox {
  readonly #queues = new Map<string, Queued[]>();
  /** Digest of the data, by name and key. */
  readonly #keys = new Map<string, string>();
  queued = 0;
  /** Of those that are queued, as JSON. */
  queuedBytes = 0;

  get keys(): number {
    return this.#keys.size;
  }

  /** The digest of what came under the key; undefined: nothing has. */
  seen(name: string, key: string): string | undefined {
    return key === "" ? undefined : this.#keys.get(keyOf(name, key));
  }

  /** SignalReceived. */
  receive({ name, key, data = {} }: SignalReceived, isAwaited: boolean): void {
    if (key !== "") this.#keys.set(keyOf(name, key), digestJson(data));
    if (!isAwaited) return;
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
