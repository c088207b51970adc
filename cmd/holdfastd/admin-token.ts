// The admin token: made once, at the first start, in DATA/admin.token; whoever can read the file is the principal `admin`.
// 1. 256 random bits, mode 0600; a file that others can read is refused, for the token in it is no secret any more.

import { randomBytes } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { HoldfastError } from "../../internal/base/errors.ts";
import { createFile } from "./private-file.ts";

const TOKEN_BYTES = 32;
const FORM = /^[A-Za-z0-9_-]{43}$/;
const MODE_OF_OTHERS = 0o077;

/** The token of a data directory, which is made when there is none. */
export function adminToken(dataDir: string): string {
  const path = join(dataDir, "admin.token");
  createFile(path, `${randomBytes(TOKEN_BYTES).toString("base64url")}\n`);
  if ((statSync(path).mode & MODE_OF_OTHERS) !== 0) {
    throw refuse(path, "others than its owner can read or write it; delete it for a new token, or chmod 600 it if nobody has read it");
  }
  const token = readFileSync(path, "utf8").trim();
  if (!FORM.test(token)) throw refuse(path, "it holds no token of ours; delete it, and the next start makes a new one");
  return token;
}

function refuse(path: string, reason: string): HoldfastError {
  return new HoldfastError("FAILED_PRECONDITION", `the admin token ${path} cannot be used: ${reason}`);
}
