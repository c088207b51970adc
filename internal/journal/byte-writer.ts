// Protobuf's wire format, written by hand into one buffer that grows: for what is written so often that its cost counts.
// 1. Fields are written in the order of their numbers, and what is zero or empty is left out: the bytes equal those of protobuf's own encoder.
// 2. A length comes before what it measures: its place is kept free, and what follows moves when it needs more than one byte.

import { assert } from "../base/assert.ts";

const BYTES_FIRST = 256;
/** A varint of a number up to 2^53 takes at most 8 bytes, and a tag two (fields up to 2047). */
const FIELD_BYTES_MAX = 10;
/** No UTF-16 unit takes more bytes in UTF-8. */
const BYTES_PER_UNIT_MAX = 3;

/** Bytes that are being written. */
export class ByteWriter {
  #bytes = Buffer.allocUnsafe(BYTES_FIRST);
  #length = 0;

  /** How many bytes were written. */
  get length(): number {
    return this.#length;
  }

  /** What was written; it holds until more is. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** A number that is not zero. */
  number(tag: number, value: number): void {
    if (value !== 0) this.present(tag, value);
  }

  /** A number, zero too: for fields of which it is known whether they are there. */
  present(tag: number, value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, "a varint is a whole number that is not negative");
    this.#reserve(FIELD_BYTES_MAX);
    this.#varint(tag);
    this.#varint(value);
  }

  /** A number of 32 bits that is not zero, in four bytes. */
  fixed32(tag: number, value: number): void {
    if (value === 0) return;
    this.#reserve(FIELD_BYTES_MAX);
    this.#varint(tag);
    this.#length = this.#bytes.writeUInt32LE(value, this.#length);
  }

  /** A text that is not empty. */
  text(tag: number, value: string): void {
    if (value === "") return;
    this.element(tag, value);
  }

  /** A text in a list, where an empty one counts too. */
  element(tag: number, value: string): void {
    const start = this.open(tag);
    this.#reserve(BYTES_PER_UNIT_MAX * value.length);
    this.#length += this.#bytes.write(value, this.#length, "utf8");
    this.close(start);
  }

  /** Bytes that are not empty. */
  bytes(tag: number, value: Uint8Array): void {
    if (value.length === 0) return;
    const start = this.open(tag);
    this.raw(value);
    this.close(start);
  }

  /** Bytes as they are, without a field around them. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Begins something that is measured; `close` is called with what this returns. */
  open(tag: number): number {
    this.#reserve(FIELD_BYTES_MAX);
    this.#varint(tag);
    this.#length += 1;
    return this.#length;
  }

  /** Ends what was begun there, and writes its length before it. */
  close(start: number): void {
    const end = this.#length;
    const size = end - start;
    let more = 0;
    for (let rest = size; rest >= 0x80; rest = Math.floor(rest / 0x80)) more += 1;
    if (more > 0) {
      this.#reserve(more);
      this.#bytes.copyWithin(start + more, start, end);
    }
    this.#length = start - 1;
    this.#varint(size);
    this.#length = end + more;
  }

  /** Base 128, the low groups first; by division, since numbers reach 2^53. */
  #varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.written());
    this.#bytes = grown;
  }
}
