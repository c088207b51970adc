// The files of TLS: read at the start, and looked at again every few seconds, so that a renewed certificate needs no restart.
// 1. What cannot be read or used stops the start. Later it is logged once, and the last good material stays in use.
// 2. A key that everybody on the machine can read is refused.

import { readFileSync, statSync } from "node:fs";
import { HoldfastError } from "../../internal/base/errors.ts";
import { TLS_FILE_BYTES_MAX, TLS_POLL_MS } from "../../internal/base/limits.ts";
import type { TlsMaterial } from "../../internal/api/tls.ts";
import type { Clock } from "../../internal/engine/ports.ts";
import type { DaemonLog } from "./log.ts";

/** Where the material is. */
export interface TlsPaths {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string | undefined;
}

/** What watching needs. */
export interface TlsWatch {
  readonly paths: TlsPaths;
  /** In use now. */
  readonly material: TlsMaterial;
  readonly clock: Clock;
  readonly log: DaemonLog;
  /** Puts new material into use; throws for what cannot be used. */
  readonly renew: (material: TlsMaterial) => void;
}

const MODE_OF_ALL = 0o007;

/** Reads the files; throws INVALID_ARGUMENT, naming the file and its flag. */
export function readTls({ cert, key, clientCa }: TlsPaths): TlsMaterial {
  return {
    cert: readPem(cert, "--tls-cert", "CERTIFICATE"),
    key: readKey(key),
    clientCa: clientCa === undefined ? undefined : readPem(clientCa, "--tls-client-ca", "CERTIFICATE"),
  };
}

/** Looks at the files from now on; returns the end of that. */
export function watchTls({ paths, material, clock, log, renew }: TlsWatch): () => void {
  let seen = fingerprint(material);
  let lastTold = "";
  let cancel: () => void = () => undefined;
  const look = (): void => {
    try {
      const found = readTls(paths);
      if (fingerprint(found) !== seen) {
        seen = fingerprint(found); // also when it cannot be used: it is said once
        renew(found);
        lastTold = "";
        log.info("the TLS certificate was renewed: new connections get it");
      }
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      const told = `the TLS files have changed and cannot be used, the old ones stay in use: ${error.message}`;
      if (told !== lastTold) log.error(told);
      lastTold = told;
    }
    cancel = clock.after(TLS_POLL_MS, look);
  };
  cancel = clock.after(TLS_POLL_MS, look);
  return () => cancel();
}

function fingerprint({ cert, key, clientCa }: TlsMaterial): string {
  return JSON.stringify([cert, key, clientCa ?? ""]);
}

function readKey(path: string): string {
  const text = readPem(path, "--tls-key", "PRIVATE KEY");
  if ((statSync(path).mode & MODE_OF_ALL) === 0) return text;
  throw refuse(
    path,
    "--tls-key",
    `everybody on this machine can read or write it; chmod o= ${path}, and make a new key if somebody has read it`,
  );
}

function readPem(path: string, flag: string, what: string): string {
  let text: string;
  try {
    const stat = statSync(path);
    if (!stat.isFile()) throw refuse(path, flag, "it is no regular file");
    if (stat.size > TLS_FILE_BYTES_MAX) throw refuse(path, flag, `it is larger than ${TLS_FILE_BYTES_MAX} bytes`);
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause;
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
    throw refuse(path, flag, code === "ENOENT" ? "there is no such file" : `it cannot be read (${code})`);
  }
  if (text.includes("-----BEGIN ") && text.includes(`${what}-----`)) return text;
  throw refuse(path, flag, `it holds no PEM ${what}`);
}

function refuse(path: string, flag: string, reason: string): HoldfastError {
  return new HoldfastError("INVALID_ARGUMENT", `${flag} ${path}: ${reason}`);
}
