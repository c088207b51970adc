// A seal without a disk: its key lies in an object that outlives the service, as a directory does.

import { createHash, randomUUID } from "node:crypto";
import { present } from "../../internal/base/assert.ts";
import { HoldfastError } from "../../internal/base/errors.ts";
import type { Seal } from "../../internal/engine/ports.ts";

/** What a data directory keeps. */
export interface KeptKey {
  /** Undefined: there is no key, or it is gone. */
  key: string | undefined;
}

/** One life's seal. */
export function fakeSeal(kept: KeptKey = { key: undefined }): Seal {
  let key: string | undefined;
  return {
    open(handedOut) {
      if (kept.key === undefined && handedOut.length > 0)
        throw new HoldfastError(
          "FAILED_PRECONDITION",
          `the key is gone, and these workflows have handed out tokens: ${handedOut.join(", ")}`,
        );
      kept.key ??= randomUUID();
      key = kept.key;
    },
    mac: (text) =>
      createHash("sha256")
        .update(`${present(key, "the key of a seal that was opened")} ${text}`)
        .digest(),
  };
}

/** One that was opened, with this key. */
export function openSeal(key: string): Seal {
  const seal = fakeSeal({ key });
  seal.open([]);
  return seal;
}
