// holdfastd as a process: flags in, one line on stdout when it serves, signals, exit codes.
// 1. Exit codes: 0 ended on request · 2 wrong flags or files · 69 cannot start (data directory or address in use, damaged store) · 70 a bug, or a
//    write that failed: acknowledged work is on disk, start it again.
// 2. SIGTERM, SIGINT and SIGHUP end it within DAEMON_SHUTDOWN_MS_MAX, whatever hangs; a second one ends it at once.

import { readFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { HoldfastError } from "../../internal/base/errors.ts";
import { DAEMON_SHUTDOWN_MS_MAX } from "../../internal/base/limits.ts";
import { runDaemon } from "./daemon.ts";
import type { Daemon, DaemonOverrides } from "./daemon.ts";
import { parseFlags } from "./flags.ts";
import type { Flags } from "./flags.ts";
import { boundGarbage } from "./heap.ts";
import { createLog } from "./log.ts";
import type { DaemonLog } from "./log.ts";

/** Exit codes; documented in docs/holdfastd.md. */
export const EXIT = { done: 0, usage: 2, cannotStart: 69, fatal: 70 } as const;

const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

/** Runs the service in this process until a signal ends it. */
export async function runProgram(overrides: DaemonOverrides): Promise<void> {
  boundGarbage();
  // A reader that went away must not end the service.
  process.stdout.on("error", () => undefined);
  process.stderr.on("error", () => undefined);
  const flags = readFlags();
  if (flags.kind === "print") {
    process.stdout.write(flags.text);
    return;
  }
  const log = createLog(flags.config.logLevel);
  const onFatal = (error: unknown): void => endFatally(error, log);
  process.on("uncaughtException", onFatal);
  process.on("unhandledRejection", onFatal);
  const asked = askedToEnd(log);
  const starting = runDaemon(
    flags.config,
    {
      env: process.env,
      home: homedir(),
      cwd: process.cwd(),
      pid: process.pid,
      uid: process.getuid?.() ?? 0,
      temporary: tmpdir(),
      log,
      onFatal,
    },
    overrides,
  );
  let daemon: Daemon;
  try {
    daemon = await starting;
  } catch (error) {
    endForUser(error, log);
    return;
  }
  process.stdout.write(`listening ${daemon.address}\n`);
  log.info(`listening ${daemon.address}`);
  await asked;
  await daemon.close();
  process.exit(EXIT.done);
}

function readFlags(): Flags {
  try {
    return parseFlags({ args: process.argv.slice(2), env: process.env, home: homedir(), cwd: process.cwd(), version: versionOf() });
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    process.stderr.write(`holdfastd: ${error.message}\n`);
    process.exit(EXIT.usage);
  }
}

/** Resolves at the first signal; from then on the process ends in a bounded time. */
function askedToEnd(log: DaemonLog): Promise<void> {
  return new Promise((resolve) => {
    let isAsked = false;
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        if (isAsked) process.exit(EXIT.done); // nothing is lost by it: a shutdown saves nothing
        isAsked = true;
        log.info(`${signal}: shutting down`);
        setTimeout(() => process.exit(EXIT.done), DAEMON_SHUTDOWN_MS_MAX).unref();
        resolve();
      });
    }
  });
}

/** An error that whoever started the service can do something about. */
function endForUser(error: unknown, log: DaemonLog): void {
  if (!(error instanceof HoldfastError)) {
    endFatally(error, log);
    return;
  }
  process.stderr.write(`holdfastd: ${error.message}\n`);
  process.exit(error.code === "INVALID_ARGUMENT" ? EXIT.usage : EXIT.cannotStart);
}

function endFatally(error: unknown, log: DaemonLog): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  log.fatal(text);
  process.stderr.write(
    "holdfastd: ended by a fault of its own or of its disk, see the log line above; what was acknowledged is on disk, start it again\n",
  );
  process.exit(EXIT.fatal);
}

function versionOf(): string {
  const manifest: unknown = JSON.parse(readFileSync(manifestUrl(), "utf8"));
  return typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "unknown";
}

/** The package's root is two directories up in the sources, three in dist/. */
function manifestUrl(): URL {
  const isBuilt = import.meta.url.endsWith(".js");
  return new URL(isBuilt ? "../../../package.json" : "../../package.json", import.meta.url);
}
