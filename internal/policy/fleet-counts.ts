// How many targets exist, by label and value: the whole inventory, whatever a workflow chose.
// 1. A label is counted when it is first asked about, and again when the inventory has been read anew.

import { HoldfastError } from "../base/errors.ts";
import type { Inventory } from "../engine/ports.ts";
import type { Target } from "../gen/holdfast/v1/workflow_pb.ts";

/** The fleet, as expressions ask about it. */
export interface FleetCounts {
  total(): number;
  count(label: string, value: string): number;
  /** The values of a label, sorted. */
  values(label: string): readonly string[];
}

/** Counts over one reading of the inventory; a label is counted once. */
export function countFleet(targets: readonly Pick<Target, "labels">[]): FleetCounts {
  const byLabel = new Map<string, ReadonlyMap<string, number>>();
  const countsOf = (label: string): ReadonlyMap<string, number> => {
    const known = byLabel.get(label) ?? countLabel(targets, label);
    byLabel.set(label, known);
    return known;
  };
  return {
    total: () => targets.length,
    count: (label, value) => countsOf(label).get(value) ?? 0,
    values: (label) => [...countsOf(label).keys()].sort(),
  };
}

/** The fleet as the inventory holds it now. While its sources are broken, as it was last: what runs goes on. */
export function liveFleet(inventory: Inventory): () => FleetCounts {
  let last: { readonly targets: readonly Target[]; readonly counts: FleetCounts } | undefined;
  return () => {
    const targets = readOr(inventory, last?.targets);
    if (last?.targets !== targets) last = { targets, counts: countFleet(targets) };
    return last.counts;
  };
}

function readOr(inventory: Inventory, last: readonly Target[] | undefined): readonly Target[] {
  try {
    return inventory.targets();
  } catch (error) {
    if (last === undefined || !(error instanceof HoldfastError)) throw error;
    return last;
  }
}

function countLabel(targets: readonly Pick<Target, "labels">[], label: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { labels } of targets) {
    const value = Object.hasOwn(labels, label) ? labels[label] : undefined;
    if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return counts;
}
