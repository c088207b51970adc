// What reading an inventory gives: targets with the places they stand at, and all faults at once.
// 1. Places are functions, because a fleet has many targets and only a fault needs to know where one stands.

import type { ErrorDetail } from "../base/errors.ts";
import type { Target } from "../gen/holdfast/v1/workflow_pb.ts";

/** A target, and where it was found: `inventory.yaml:4:7`. */
export interface FoundTarget {
  readonly target: Target;
  readonly place: () => string;
}

/** One source's content. With a fault in it, its targets are not to be used. */
export interface Reading {
  readonly targets: readonly FoundTarget[];
  readonly faults: readonly ErrorDetail[];
  /** For the log: what was left out on purpose. */
  readonly warnings: readonly string[];
}

/** Names the place of a path inside a source: `inventory.yaml:4:7`. */
export type PlaceOf = (path: string) => string;
