// The key of the data directory: made once, at the first start, in DATA/seal.key; see internal/system/seal.ts.
// 1. 256 random bits, mode 0600; a file that others can read is refused: with it they could make tokens of attempts.

import { randomBytes } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { present } from "../../internal/base/assert.ts";
import { HoldfastError } from "../../internal/base/errors.ts";
import type { WorkflowId } from "../../internal/base/ids.ts";
import type { SealKey } from "../../internal/system/seal.ts";
import { createFile } from "./private-file.ts";

/** Workflows that are named where the key of their completion tokens is gone. */
const WORKFLOWS_SHOWN_MAX = 5;
const KEY_BYTES = 32;
const FORM = /^[0-9a-f]{64}$/;
const MODE_OF_OTHERS = 0o077;

/** The key of a data directory, which is made when there is none. */
export function sealKey(dataDir: string): SealKey {
  const path = join(dataDir, "seal.key");
  const read = (): Uint8Array | undefined => readKey(path);
  return {
    read,
    make() {
      createFile(path, `${randomBytes(KEY_BYTES).toString("hex")}\n`);
      return present(read(), "the key that was made");
    },
    gone: (handedOut) => gone(path, handedOut),
  };
}

function readKey(path: string): Uint8Array | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if ((stat.mode & MODE_OF_OTHERS) !== 0)
    throw refuse(path, `others than its owner can read or write it; chmod 600 it if nobody has read it, else ${next(path)}`);
  const text = readFileSync(path, "utf8").trim();
  if (!FORM.test(text)) throw refuse(path, `it holds no key of ours; bring it back from a copy, or ${next(path)}`);
  return Buffer.from(text, "hex");
}

function gone(path: string, handedOut: readonly WorkflowId[]): HoldfastError {
  const shown = handedOut.slice(0, WORKFLOWS_SHOWN_MAX).join(", ");
  const more = handedOut.length - WORKFLOWS_SHOWN_MAX;
  const where = `${shown}${more > 0 ? ` and ${more} more` : ""}`;
  const found = `it is gone, and attempts under way have handed out completion tokens that were made with it, in the workflows ${where}`;
  return refuse(path, `${found}; bring it back from a copy of the data directory, or ${next(path)}`);
}

/** A command that a person can copy: whoever does it knows what it costs. */
function next(path: string): string {
  const command = `rm -f '${path}'; (umask 077; od -An -vtx1 -N${KEY_BYTES} /dev/urandom | tr -d ' \\n' > '${path}')`;
  return `make a new one by ${command}: the tokens of attempts under way are worth nothing then, and these end by their "within", or by a cancel`;
}

function refuse(path: string, reason: string): HoldfastError {
  return new HoldfastError("FAILED_PRECONDITION", `the key ${path} cannot be used: ${reason}`);
}
