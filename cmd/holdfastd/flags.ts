// The parser of holdfastd's flags: from an argument vector to a DaemonConfig, with a clear error for what is wrong.
// 1. Pure: the environment, the home and the working directory come in as arguments; nothing is printed or ended here.

import { resolve } from "node:path";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { DURATION_FORM, parseDurationMs } from "../../internal/base/duration.ts";
import { HoldfastError } from "../../internal/base/errors.ts";
import * as config from "./config.ts";
import type { DaemonConfig, LogLevel } from "./config.ts";

/** What flags are read against. */
export interface FlagWorld {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly cwd: string;
  readonly version: string;
}

/** A configuration, or a text to print (help, version). */
export type Flags = { readonly kind: "run"; readonly config: DaemonConfig } | { readonly kind: "print"; readonly text: string };

interface Options {
  readonly data: string;
  readonly listen: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsClientCa?: string;
  readonly callsPerPrincipal: number;
  readonly inventory: readonly string[];
  readonly actions?: string;
  readonly secrets?: string;
  readonly policies?: string;
  readonly sinks?: string;
  readonly submitTtl: number;
  readonly diskFreeMin: number;
  readonly paceConcurrent: number;
  readonly paceInterval: number;
  readonly grace: number;
  readonly sshConnectTimeout: number;
  readonly sshAliveInterval: number;
  readonly sshIdle: number;
  readonly logLevel: LogLevel;
}

/** Reads the flags; throws INVALID_ARGUMENT. */
export function parseFlags(world: FlagWorld): Flags {
  let printed = "";
  const program = buildProgram(world);
  program.exitOverride().configureOutput({
    writeOut: (text) => {
      printed += text;
    },
    writeErr: () => undefined,
    outputError: () => undefined,
  });
  try {
    program.parse([...world.args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: "print", text: printed };
    throw new HoldfastError("INVALID_ARGUMENT", `${error.message.replace(/^error: /, "")}; see holdfastd --help`);
  }
  return { kind: "run", config: toConfig(program.opts<Options>(), world) };
}

function toConfig(options: Options, { cwd, env, home }: FlagWorld): DaemonConfig {
  const from = (path: string): string => resolve(cwd, path);
  return {
    dataDir: from(options.data === "" ? config.dataDirDefault(env, home) : options.data),
    listen: options.listen,
    tls: tlsOf(options, from),
    callsPerPrincipal: options.callsPerPrincipal,
    inventories: options.inventory,
    actionsDir: options.actions === undefined ? undefined : from(options.actions),
    secretsDir: options.secrets === undefined ? undefined : from(options.secrets),
    policiesDir: options.policies === undefined ? undefined : from(options.policies),
    sinksFile: options.sinks === undefined ? undefined : from(options.sinks),
    submitTtlMs: options.submitTtl,
    diskFreeBytesMin: options.diskFreeMin,
    paceConcurrentMax: options.paceConcurrent,
    paceIntervalMs: options.paceInterval,
    graceMs: options.grace,
    sshConnectTimeoutMs: options.sshConnectTimeout,
    sshAliveIntervalMs: options.sshAliveInterval,
    sshIdleMs: options.sshIdle,
    logLevel: options.logLevel,
  };
}

function tlsOf({ tlsCert, tlsKey, tlsClientCa }: Options, from: (path: string) => string): DaemonConfig["tls"] {
  if (tlsCert !== undefined && tlsKey !== undefined)
    return { cert: from(tlsCert), key: from(tlsKey), clientCa: tlsClientCa === undefined ? undefined : from(tlsClientCa) };
  if (tlsCert === undefined && tlsKey === undefined && tlsClientCa === undefined) return undefined;
  const given = [
    tlsCert === undefined ? "" : "--tls-cert",
    tlsKey === undefined ? "" : "--tls-key",
    tlsClientCa === undefined ? "" : "--tls-client-ca",
  ];
  throw new HoldfastError(
    "INVALID_ARGUMENT",
    `TLS needs both --tls-cert and --tls-key; found only ${given.filter((flag) => flag !== "").join(" and ")}; see holdfastd --help`,
  );
}

function buildProgram({ version }: FlagWorld): Command {
  const program = new Command("holdfastd")
    .description("The service that runs workflows so that nothing is lost and nothing is done twice.")
    .version(version)
    .helpOption("--help", "print this and exit")
    .allowExcessArguments(false);
  return addWorking(addServing(program));
}

/** Where it keeps things, where it listens, and to whom. */
function addServing(program: Command): Command {
  return program
    .addOption(
      new Option("--data <dir>", "where the journal, the admin token and service.json are; one service a directory").default(
        "",
        "$HOLDFAST_DATA, else $XDG_STATE_HOME/holdfast/data, else ~/.local/state/holdfast/data",
      ),
    )
    .addOption(
      new Option("--listen <host:port>", "loopback, or with TLS any address; port 0 takes a free one").default(config.LISTEN_DEFAULT),
    )
    .addOption(new Option("--tls-cert <file>", "serve over TLS with this certificate chain (PEM); renewed when the file changes"))
    .addOption(new Option("--tls-key <file>", "its private key (PEM), not readable by everybody"))
    .addOption(
      new Option(
        "--tls-client-ca <file>",
        "require client certificates of these CAs (PEM); the subject's CN is the principal, see holdfast token create --certificate",
      ),
    )
    .addOption(
      new Option("--calls-per-principal <n>", "calls in flight for one principal, the waiting ones and streams too")
        .argParser(parseCount)
        .default(config.CALLS_PER_PRINCIPAL_DEFAULT),
    );
}

/** What it works on, and how. */
function addWorking(program: Command): Command {
  return program
    .addOption(
      new Option(
        "--inventory <file...>",
        "inventories: .yaml, .json, a plain list, or a program that answers --list; several are merged",
      ).default([], "none: workflows over targets are refused"),
    )
    .addOption(new Option("--actions <dir>", "actions of your own, one a YAML file"))
    .addOption(new Option("--secrets <dir>", "values of secret('name'), one a file; else HOLDFAST_SECRET_NAME in the environment"))
    .addOption(
      new Option("--policies <dir>", "policies, one a YAML file; what none of them matches is denied; none given: everything is allowed"),
    )
    .addOption(
      new Option("--sinks <file>", "where events are delivered: webhooks and commands, see docs/sinks.md; read again when it changes"),
    )
    .addOption(duration("--submit-ttl <time>", "how long after Submit Exec is accepted", config.SUBMIT_TTL_DEFAULT))
    .addOption(
      new Option("--disk-free-min <size>", "below so much free space no new work is taken")
        .argParser(parseSize)
        .default(parseSize(config.DISK_FREE_MIN_DEFAULT), config.DISK_FREE_MIN_DEFAULT),
    )
    .addOption(
      new Option("--pace-concurrent <n>", "commands at one time toward one host or http origin")
        .argParser(parseCount)
        .default(config.PACE_CONCURRENT_DEFAULT),
    )
    .addOption(
      duration("--pace-interval <time>", "the least time between two starts toward one host or http origin", config.PACE_INTERVAL_DEFAULT),
    )
    .addOption(duration("--grace <time>", "how long a process group has between TERM and KILL", config.GRACE_DEFAULT))
    .addOption(duration("--ssh-connect-timeout <time>", "how long connecting may take", config.SSH_CONNECT_TIMEOUT_DEFAULT))
    .addOption(
      duration("--ssh-alive-interval <time>", "a connection silent for three of these is given up", config.SSH_ALIVE_INTERVAL_DEFAULT),
    )
    .addOption(duration("--ssh-idle <time>", "how long an idle connection is kept", config.SSH_IDLE_DEFAULT))
    .addOption(
      new Option("--log-level <level>", "what is logged on stderr, as JSON lines")
        .choices(config.LOG_LEVELS)
        .default(config.LOG_LEVEL_DEFAULT),
    );
}

function duration(flags: string, about: string, preset: string): Option {
  return new Option(flags, about).argParser(parseDuration).default(parseDuration(preset), preset);
}

function parseDuration(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined) throw new InvalidArgumentError(`must be ${DURATION_FORM}`);
  return ms;
}

function parseSize(text: string): number {
  const match = /^(\d{1,9})(KiB|MiB|GiB)?$/.exec(text);
  const unit = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }[match?.[2] ?? ""] ?? 1;
  if (match === null) throw new InvalidArgumentError("must be a whole number of bytes, or with a unit: KiB, MiB, GiB, such as 256MiB");
  return Number(match[1]) * unit;
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new InvalidArgumentError("must be a whole number from 1 to 99999");
  return Number(text);
}
