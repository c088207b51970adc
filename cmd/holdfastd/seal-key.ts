// The key of the data directory: made once, at the first start, in DATA/seal.key; see internal/system/seal.ts.
// 1. 256 random bits, mode 0600; a file that others can read is refused: with it they could make tokens of attempts.

import { randomBytes } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { HoldfastError } from "../../internal/base/errors.ts";
import { createFile } from "./private-file.ts";

const KEY_BYTES = 32;
const FORM = /^[0-9a-f]{64}$/;
const MODE_OF_OTHERS = 0o077;
const NEXT = "delete it for a new key, after which the completion tokens of attempts under way are worth nothing";

/** The key of a data directory, which is made when there is none. */
export function sealKey(dataDir: string): Uint8Array {
  const path = join(dataDir, "seal.key");
  createFile(path, `${randomBytes(KEY_BYTES).toString("hex")}\n`);
  if ((statSync(path).mode & MODE_OF_OTHERS) !== 0)
    throw refuse(path, `others than its owner can read or write it; chmod 600 it if nobody has read it, else ${NEXT}`);
  const text = readFileSync(path, "utf8").trim();
  if (!FORM.test(text)) throw refuse(path, `it holds no key of ours; bring it back from a copy, or ${NEXT}`);
  return Buffer.from(text, "hex");
}

function refuse(path: string, reason: string): HoldfastError {
  return new HoldfastError("FAILED_PRECONDITION", `the key ${path} cannot be used: ${reason}`);
}
