// How a parser refuses a part of an inventory: it notes the fault and goes on, so that all faults come out at once.
// 1. What it collects is bounded, however many faults a file has.

import type { ErrorDetail } from "../base/errors.ts";
import { keyPath } from "../base/json-path.ts";
import type { JsonObject } from "../base/json.ts";
import { INVENTORY_FAULTS_MAX } from "../base/limits.ts";
import { didYouMean } from "../base/nearest.ts";
import type { PlaceOf } from "./reading.ts";

/** Notes a fault at a path; its answer is nothing, for a parser that has nothing to answer then. */
export type Refuse = (path: string, reason: string) => undefined;

/** Collects faults, the first of them at least. */
export function collectFaults(place: PlaceOf): { readonly faults: readonly ErrorDetail[]; readonly refuse: Refuse } {
  const faults: ErrorDetail[] = [];
  return {
    faults,
    refuse(path, reason) {
      if (faults.length < INVENTORY_FAULTS_MAX) faults.push({ place: place(path), reason });
      else if (faults.length === INVENTORY_FAULTS_MAX) faults.push({ place: place(""), reason: "further faults are not shown" });
      return undefined;
    },
  };
}

/** Refuses keys that nobody reads. */
export function refuseUnknown(
  value: JsonObject,
  { path, known, refuse }: { readonly path: string; readonly known: readonly string[]; readonly refuse: Refuse },
): void {
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    refuse(keyPath(path, key), `unknown key "${key.slice(0, 80)}"${didYouMean(key, known)}; known are: ${known.join(", ")}`);
  }
}
