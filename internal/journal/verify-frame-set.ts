// A set of frames as a sum of constant size: the exclusive or of their SHA-256s, and their count.
// 1. Two sets with equal sums hold the same frames, whatever the order they were added in.

import { hash } from "node:crypto";

/** A frame as both its header and its own row say it. */
export interface FrameIdentity {
  readonly stream: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** SHA-256 of its record. */
  readonly digest: Uint8Array;
}

/** The sum; frames are added in any order. */
export class FrameSet {
  readonly #mix = new Uint8Array(32);
  #count = 0;

  /** Adds a frame. */
  add(frame: FrameIdentity): void {
    const { stream, firstSeq, lastSeq, digest } = frame;
    const mixed = hash("sha256", `${stream} ${firstSeq} ${lastSeq} ${Buffer.from(digest).toString("hex")}`, "buffer");
    for (let at = 0; at < mixed.length; at++) this.#mix[at] = (this.#mix[at] ?? 0) ^ (mixed[at] ?? 0);
    this.#count++;
  }

  /** True when both hold the same frames. */
  equals(other: FrameSet): boolean {
    return this.#count === other.#count && Buffer.compare(this.#mix, other.#mix) === 0;
  }
}
