// Where the sockets of ssh connections lie: in the data directory, or, because the path of a socket is short, in a private directory under /tmp.
// 1. A directory under /tmp that is a link, or another user's, is refused.

import { lstatSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { sha256Hex } from "../../internal/base/digest.ts";
import { HoldfastError } from "../../internal/base/errors.ts";
import { SSH_CONTROL_PATH_LENGTH_MAX } from "../../internal/base/limits.ts";

/** A slash, and the 16 digits by which the transport names a socket. */
const SOCKET_NAME_LENGTH = 17;

/** The directory for a data directory's sockets; made when it is not inside. */
export function sshDirectory(dataDir: string, user: { readonly uid: number; readonly temporary: string }): string {
  const inside = join(dataDir, "ssh");
  if (Buffer.byteLength(inside) + SOCKET_NAME_LENGTH <= SSH_CONTROL_PATH_LENGTH_MAX) return inside;
  const outside = join(user.temporary, `holdfast-${user.uid}-${sha256Hex(dataDir).slice(0, 12)}`);
  mkdirSync(outside, { recursive: true, mode: 0o700 });
  const stat = lstatSync(outside);
  if (!stat.isDirectory() || stat.uid !== user.uid || (stat.mode & 0o077) !== 0) {
    throw new HoldfastError(
      "FAILED_PRECONDITION",
      `the directory for ssh's sockets, ${outside}, is not a private one of this user; remove it, or choose a shorter --data`,
    );
  }
  return outside;
}
