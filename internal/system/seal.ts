// The key of a data directory: what the service must know again as its own is sealed with it (HMAC-SHA256).
// 1. The key itself is in no answer, journal or log. Where it is gone, nothing that it sealed is known again.
// 2. Without one the start is refused as long as somebody may hold what it sealed: he would be told for good that it is worth nothing.

import { createHmac } from "node:crypto";
import { present } from "../base/assert.ts";
import type { HoldfastError } from "../base/errors.ts";
import type { WorkflowId } from "../base/ids.ts";
import type { Seal } from "../engine/ports.ts";

/** Where the key is kept. */
export interface SealKey {
  /** The key; undefined: there is none. Throws FAILED_PRECONDITION for one that cannot be used. */
  read(): Uint8Array | undefined;
  /** Makes one; it is on disk when this returns. */
  make(): Uint8Array;
  /** What is said where it is gone, and these workflows handed out what it sealed. */
  gone(handedOut: readonly WorkflowId[]): HoldfastError;
}

/** A seal with the key that is kept there. */
export function makeSeal(kept: SealKey): Seal {
  let key: Uint8Array | undefined;
  return {
    open(handedOut) {
      const found = kept.read();
      if (found === undefined && handedOut.length > 0) throw kept.gone(handedOut);
      key = found ?? kept.make();
    },
    mac: (text) => createHmac("sha256", present(key, "the key of a seal that was opened")).update(text).digest(),
  };
}
