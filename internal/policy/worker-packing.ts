// Decodes and encodes lists of targets as the worker holds them: names and labels, in parts that are each made in a few milliseconds.
// 1. The digest is over the content, so that an inventory that was read again without a change is not sent again.

import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { WORKER_SLICE_MS_MAX, WORKER_SLICE_TARGETS } from "../base/worker-limits.ts";
import type { Clock } from "../engine/ports.ts";
import { TargetSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import type { Target } from "../gen/holdfast/v1/workflow_pb.ts";
import type { Bytes, Positions } from "./worker-message.ts";

/** What expressions see of a target. */
export type NamedTarget = Pick<Target, "name" | "labels">;

/** A list as bytes. */
export interface PackedList {
  readonly digest: string;
  readonly parts: readonly Bytes[];
}

type Row = readonly [name: string, labels: Readonly<Record<string, string>>];

/** Encodes a list; the event loop is let go between any two parts. */
export async function packTargets(targets: readonly NamedTarget[], clock: Clock): Promise<PackedList> {
  const hash = createHash("sha256");
  const parts: Bytes[] = [];
  for (let at = 0; at < targets.length;) {
    const startMs = clock.monotonicMs();
    const texts: string[] = [];
    while (at < targets.length && clock.monotonicMs() - startMs < WORKER_SLICE_MS_MAX) {
      texts.push(JSON.stringify(targets.slice(at, at + WORKER_SLICE_TARGETS).map(({ name, labels }): Row => [name, labels])));
      at += WORKER_SLICE_TARGETS;
    }
    const bytes = new TextEncoder().encode(`[${texts.join(",")}]`);
    for (const text of texts) hash.update(text);
    parts.push(bytes);
    if (at < targets.length) await pause(clock);
  }
  return { digest: hash.digest("hex"), parts };
}

/** Decodes a part. */
export function unpackTargets(bytes: Bytes): readonly Target[] {
  const rows = JSON.parse(new TextDecoder().decode(bytes)) as readonly (readonly Row[])[];
  return rows.flatMap((part) => part.map(([name, labels]) => create(TargetSchema, { name, labels })));
}

/** Where the chosen ones stand in a list; both in the same order. Undefined: one of them does not stand there. */
export function positionsIn<T>(list: readonly T[], chosen: readonly T[]): Positions | undefined {
  const positions = new Uint32Array(chosen.length);
  let at = 0;
  for (const [index, item] of chosen.entries()) {
    while (at < list.length && list[at] !== item) at++;
    if (at === list.length) return undefined;
    positions[index] = at++;
  }
  return positions;
}

/** The items at positions. */
export function itemsAt<T>(list: readonly T[], positions: Positions): readonly T[] {
  if (positions.length === list.length) return list; // each stands once: these are all of them
  const items: T[] = [];
  for (const position of positions) {
    const item = list[position];
    if (item !== undefined) items.push(item);
  }
  return items;
}

/** Lets other work go on. */
async function pause(clock: Clock): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  clock.after(0, resolve);
  await promise;
}
