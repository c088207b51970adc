// The service's log: JSON lines on stderr, written at once, so that the last line before a crash is there.
// 1. Secrets and argument values are never handed to it; it masks nothing itself.

import { pino } from "pino";
import type { LogLevel } from "./config.ts";

/** A line at a level; no secrets and no argument values. */
export interface DaemonLog {
  readonly fatal: (message: string) => void;
  readonly error: (message: string) => void;
  readonly warn: (message: string) => void;
  readonly info: (message: string) => void;
  readonly debug: (message: string) => void;
}

const STDERR_FD = 2;

/** Logs this level and all graver ones. */
export function createLog(level: LogLevel): DaemonLog {
  const logger = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    pino.destination({ fd: STDERR_FD, sync: true }),
  );
  return {
    fatal: (message) => logger.fatal(message),
    error: (message) => logger.error(message),
    warn: (message) => logger.warn(message),
    info: (message) => logger.info(message),
    debug: (message) => logger.debug(message),
  };
}
