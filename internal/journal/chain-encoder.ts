// Writes the heads of streams, the headers of batches and the end of their chain as protobuf does, by hand: each batch has them, and each
// workflow that moves has a head in it.
// 1. The bytes equal those of protobuf's own encoder: chain-encoder.test.ts holds them to it.

import { ByteWriter } from "./byte-writer.ts";

/** Tags: the field's number times 8, plus 0 for a number, 2 for what has a length. */
const HEAD = { lastSeq: 0x08, cutFrom: 0x10, cutTo: 0x18 } as const;
const HEADER = { number: 0x08, previous: 0x12, frames: 0x1a, timeMs: 0x20 } as const;
const FRAME = { stream: 0x0a, firstSeq: 0x10, lastSeq: 0x18, digest: 0x22 } as const;
const CHAIN = { number: 0x08, digest: 0x12 } as const;

/** What a header says of a frame. */
export interface FrameEntry {
  readonly stream: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly digest: Uint8Array;
}

/** The bytes of a StreamHead. */
export function encodeHead({
  lastSeq,
  cut,
}: {
  readonly lastSeq: number;
  readonly cut: { readonly from: number; readonly to: number };
}): Uint8Array {
  const out = new ByteWriter();
  out.number(HEAD.lastSeq, lastSeq);
  out.number(HEAD.cutFrom, cut.from);
  out.number(HEAD.cutTo, cut.to);
  return out.written();
}

/** The bytes of a BatchHeader. */
export function encodeHeader(header: {
  readonly number: number;
  readonly previous: Uint8Array;
  readonly frames: readonly FrameEntry[];
  readonly timeMs: number;
}): Uint8Array {
  const out = new ByteWriter();
  out.number(HEADER.number, header.number);
  out.bytes(HEADER.previous, header.previous);
  for (const { stream, firstSeq, lastSeq, digest } of header.frames) {
    const start = out.open(HEADER.frames);
    out.text(FRAME.stream, stream);
    out.number(FRAME.firstSeq, firstSeq);
    out.number(FRAME.lastSeq, lastSeq);
    out.bytes(FRAME.digest, digest);
    out.close(start);
  }
  out.number(HEADER.timeMs, header.timeMs);
  return out.written();
}

/** The bytes of a ChainHead. */
export function encodeChainHead({ number, digest }: { readonly number: number; readonly digest: Uint8Array }): Uint8Array {
  const out = new ByteWriter();
  out.number(CHAIN.number, number);
  out.bytes(CHAIN.digest, digest);
  return out.written();
}
