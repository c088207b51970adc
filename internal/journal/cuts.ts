// What was dropped of each stream by design, as its head row says it: asked for each frame that a header names.
// 1. Memory stays flat: the cuts of CUTS_KNOWN_MAX streams are held, those that were asked for last.

import type { Snapshot } from "classic-level";
import { GUARD_STREAM, WorkflowId, workflowStream } from "../base/ids.ts";
import { RecentMap } from "../base/recent-map.ts";
import type { Cut } from "./cut.ts";
import { readEnd } from "./read-frames.ts";
import type { Store } from "./store.ts";

const CUTS_KNOWN_MAX = 1_024;
const NONE: Cut = { from: 0, to: 0 };

/** The cuts of a moment's view. */
export class Cuts {
  readonly #known = new RecentMap<string, Cut>(CUTS_KNOWN_MAX);
  readonly #store: Store;
  readonly #snapshot: Snapshot | undefined;

  constructor(store: Store, snapshot?: Snapshot) {
    this.#store = store;
    this.#snapshot = snapshot;
  }

  /** Of the guard's stream nothing is dropped; of one whose head cannot be read nothing is known to be. */
  of(stream: string): Cut {
    if (stream === GUARD_STREAM || !WorkflowId.is(stream)) return NONE;
    return this.#known.take(stream, () => {
      const end = readEnd(this.#store, workflowStream(stream), this.#snapshot);
      return end.kind === "damaged" ? NONE : (end.value?.cut ?? NONE);
    });
  }
}
