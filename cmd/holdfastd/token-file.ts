// The file of named tokens, DATA/tokens.json: read whole or refused, written whole or not at all, and durable before anybody hears of it.
// 1. A file that others can read or write, that is another user's, or that is not understood, stops the start: it is never read as "no tokens".
// 2. A write that fails before the new file is in place changes nothing; one that fails after it is the end of the process, as of the journal (H12).

import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { TokenStore } from "../../internal/api/token-book.ts";
import { parseTokens, writeTokens } from "../../internal/api/token-record.ts";
import { HoldfastError } from "../../internal/base/errors.ts";
import { TOKENS_BYTES_MAX } from "../../internal/base/limits.ts";
import { replaceFile } from "./private-file.ts";

const MODE_OF_OTHERS = 0o077;

/** The store of a data directory's tokens; `uid` is the service's user. */
export function tokenFile(dataDir: string, uid: number): TokenStore {
  const path = join(dataDir, "tokens.json");
  return {
    read() {
      const text = readPrivately(path, uid);
      if (text === undefined) return [];
      try {
        return parseTokens(text);
      } catch (cause) {
        if (!(cause instanceof HoldfastError)) throw cause;
        throw refuse(path, `it is damaged (${cause.message}); put back a copy, or move it away and make all tokens anew`);
      }
    },
    write: (records) => replaceFile(path, writeTokens(records)),
  };
}

function readPrivately(path: string, uid: number): string | undefined {
  const fd = openPrivately(path);
  if (fd === undefined) return undefined;
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw refuse(path, "it is no regular file; move it away, or put back a copy");
    if (stat.uid !== uid)
      throw refuse(path, `it belongs to the user ${stat.uid}, not to ${uid} that runs the service; look who put it there, then chown it`);
    if ((stat.mode & MODE_OF_OTHERS) !== 0) {
      throw refuse(path, `others than its owner can read or write it; look whether it says what it should, then chmod 600 ${path}`);
    }
    if (stat.size > TOKENS_BYTES_MAX) throw refuse(path, `it is larger than ${TOKENS_BYTES_MAX} bytes; put back a copy`);
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}

function openPrivately(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "ENOENT") return undefined;
    if (code === "ELOOP") throw refuse(path, "it is a symbolic link; put the file itself there");
    throw refuse(path, `it cannot be opened (${String(code)}); look at its permissions and its disk`);
  }
}

function refuse(path: string, reason: string): HoldfastError {
  return new HoldfastError("FAILED_PRECONDITION", `the file of tokens ${path} cannot be used: ${reason}`);
}
