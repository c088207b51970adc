// Everything that can be set for the service, and every default: inside, each option is required.
// 1. Zero means zero. Where a value is a bound that no operator should move, it is in internal/base/limits.ts instead.

import { join } from "node:path";
import { stateDirectory } from "../../internal/sdk/logbook.ts";

/** Where it listens when nothing else is said. */
export const LISTEN_DEFAULT = "127.0.0.1:7543";
/** How long after Submit Exec is accepted. */
export const SUBMIT_TTL_DEFAULT = "1h";
/** Below so much free space no new work is taken. */
export const DISK_FREE_MIN_DEFAULT = "256MiB";
/** Commands at one time toward one host. */
export const PACE_CONCURRENT_DEFAULT = 8;
/** The least time between the starts of two commands toward one host. */
export const PACE_INTERVAL_DEFAULT = "0ms";
/** How long a process group has between TERM and KILL. */
export const GRACE_DEFAULT = "5s";
/** How long connecting over ssh may take. */
export const SSH_CONNECT_TIMEOUT_DEFAULT = "15s";
/** A connection that is silent for three of these is given up. */
export const SSH_ALIVE_INTERVAL_DEFAULT = "10s";
/** How long an idle connection over ssh is kept. */
export const SSH_IDLE_DEFAULT = "5m";
/** Calls in flight for one principal. */
export const CALLS_PER_PRINCIPAL_DEFAULT = 1_024;
/** What is logged. */
export const LOG_LEVEL_DEFAULT = "info";
/** The levels there are, the loudest last. */
export const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug"] as const;

/** What is logged: this level and all graver ones. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A service as its operator wants it. */
export interface DaemonConfig {
  /** Absolute. */
  readonly dataDir: string;
  readonly listen: string;
  /** Absolute; undefined: no TLS, and loopback only. */
  readonly tls: { readonly cert: string; readonly key: string; readonly clientCa: string | undefined } | undefined;
  readonly callsPerPrincipal: number;
  /** As written; relative ones count from the working directory. */
  readonly inventories: readonly string[];
  readonly actionsDir: string | undefined;
  readonly secretsDir: string | undefined;
  /** Undefined: the built-in default policy, which allows everything. */
  readonly policiesDir: string | undefined;
  /** Where events are delivered; undefined: nowhere. */
  readonly sinksFile: string | undefined;
  readonly submitTtlMs: number;
  readonly diskFreeBytesMin: number;
  readonly paceConcurrentMax: number;
  readonly paceIntervalMs: number;
  readonly graceMs: number;
  readonly sshConnectTimeoutMs: number;
  readonly sshAliveIntervalMs: number;
  readonly sshIdleMs: number;
  readonly logLevel: LogLevel;
}

/** The data directory when no flag says it: HOLDFAST_DATA, else `holdfast/data` in the state directory; the client looks in the same place. */
export function dataDirDefault(env: Readonly<Record<string, string | undefined>>, home: string): string {
  const { HOLDFAST_DATA: data } = env;
  if (data !== undefined && data !== "") return data;
  return join(stateDirectory({ ...env, HOLDFAST_STATE_DIR: undefined }, home), "data");
}
