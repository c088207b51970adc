// The service put together: the only place that knows which adapters there are.
// 1. It serves only after the engine has replayed its journal, and says so (service.json) only after it serves.
// 2. close() is a polite crash (H11): what is acknowledged is on disk already, what runs goes on at its targets.

import { rmSync } from "node:fs";
import { join } from "node:path";
import { createActions, loadActions } from "../../internal/action/catalogue.ts";
import { createAuthenticator } from "../../internal/api/authentication.ts";
import type { Authenticator } from "../../internal/api/authentication.ts";
import { createRequestListener } from "../../internal/api/request-listener.ts";
import { createRoutes } from "../../internal/api/routes.ts";
import { serve } from "../../internal/api/server.ts";
import type { ApiServer } from "../../internal/api/server.ts";
import { createShutdown } from "../../internal/api/shutdown.ts";
import { TokenBook } from "../../internal/api/token-book.ts";
import type { TlsMaterial } from "../../internal/api/tls.ts";
import { secureContextOptions } from "../../internal/api/tls.ts";
import { openEngine } from "../../internal/engine/engine.ts";
import type { EngineFace } from "../../internal/engine/face.ts";
import { createEventFeed } from "../../internal/engine/event-feed.ts";
import type { EnginePorts, Sinks } from "../../internal/engine/ports.ts";
import { parseListen } from "../../internal/api/listen-address.ts";
import { openInventory } from "../../internal/inventory/inventory.ts";
import { openJournal } from "../../internal/journal/open-journal.ts";
import { createPolicies } from "../../internal/policy/policies.ts";
import { openSinks } from "../../internal/sink/sinks.ts";
import { openStopFile } from "../../internal/system/stop-file.ts";
import { createPace } from "../../internal/pace/pace.ts";
import { systemClock } from "../../internal/system/clock.ts";
import { diskOf } from "../../internal/system/disk.ts";
import { makeIds } from "../../internal/system/ids.ts";
import { endGroup } from "../../internal/system/process-group.ts";
import { makeSeal } from "../../internal/system/seal.ts";
import { createSecrets } from "../../internal/system/secrets.ts";
import { createTransport } from "../../internal/transport/transport.ts";
import { adminToken } from "./admin-token.ts";
import { sealKey } from "./seal-key.ts";
import type { DaemonConfig } from "./config.ts";
import type { DaemonLog } from "./log.ts";
import { openJudging } from "./judging.ts";
import { makeDataDirectory, replaceFile } from "./private-file.ts";
import { sshDirectory } from "./ssh-directory.ts";
import { readTls, watchTls } from "./tls-files.ts";
import { tokenFile } from "./token-file.ts";

/** What the daemon has of the process around it. */
export interface DaemonWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly cwd: string;
  readonly pid: number;
  readonly uid: number;
  /** The directory for temporary files. */
  readonly temporary: string;
  readonly log: DaemonLog;
  /** Ends the process at once; called for a bug and for a failed append (H12). */
  readonly onFatal: (error: unknown) => void;
}

/** What a test may put between the engine and its adapters. */
export interface DaemonOverrides {
  readonly wrapPorts?: (ports: EnginePorts) => EnginePorts;
}

/** A service that serves. */
export interface Daemon {
  /** `http://127.0.0.1:7543`; https with TLS. */
  readonly address: string;
  close(): Promise<void>;
}

/** Called in the opposite order of their making. */
type Closers = (() => Promise<void> | void)[];

/** Starts the service; rejects with HoldfastError, and leaves nothing open, when something is not as it must be. */
export async function runDaemon(config: DaemonConfig, world: DaemonWorld, overrides: DaemonOverrides): Promise<Daemon> {
  const closers: Closers = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).toReversed()) await closer();
  };
  try {
    parseListen(config.listen, { hasTls: config.tls !== undefined }); // before anything is made
    const tls = config.tls === undefined ? undefined : readTls(config.tls);
    if (tls !== undefined) secureContextOptions(tls);
    const ports = await openPorts(config, world, closers);
    const access = openAccess(config, world, closers); // what it refuses stops the start before anything runs
    const engine = await startEngine(overrides.wrapPorts?.(ports) ?? ports, config, closers);
    const sinks = await startSinks(ports, config, { world, closers });
    const server = await startServer({ config, world, engine, ports, closers, access, tls, sinks });
    const serviceFile = join(config.dataDir, "service.json");
    replaceFile(serviceFile, `${JSON.stringify({ address: server.address, pid: world.pid })}\n`);
    closers.push(() => rmSync(serviceFile, { force: true }));
    return { address: server.address, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openPorts(config: DaemonConfig, world: DaemonWorld, closers: Closers): Promise<EnginePorts> {
  const { dataDir } = config;
  const { env, home, cwd, log, onFatal } = world;
  const clock = systemClock;
  const ownActions = config.actionsDir === undefined ? [] : await loadActions(config.actionsDir);
  const inventory = await openInventory({ files: config.inventories, base: cwd, home, clock, log: (line) => log.info(line) });
  closers.push(() => inventory.close());
  makeDataDirectory(dataDir);
  const journal = await openJournal(dataDir, { onFatal, nowMs: () => clock.nowMs(), isReadOnly: false });
  closers.push(() => journal.close());
  for (const { first, last } of journal.lostBatches)
    log.error(`the journal lacks batches ${first} to ${last}; see holdfast journal verify`);
  rmSync(join(dataDir, "service.json"), { force: true }); // of a service that was killed: the store is ours now
  const pace = createPace({ clock, concurrentMax: config.paceConcurrentMax, startIntervalMs: config.paceIntervalMs });
  const transport = createTransport({
    stateDir: join(dataDir, "runs"),
    controlDir: sshDirectory(dataDir, world),
    clock,
    pace,
    env,
    log: (line) => log.warn(line),
    graceMs: config.graceMs,
    ssh: { connectTimeoutMs: config.sshConnectTimeoutMs, aliveIntervalMs: config.sshAliveIntervalMs, idleMs: config.sshIdleMs },
  });
  closers.push(() => transport.close());
  const judging = openJudging({ clock, inventory, log: (line) => log.warn(line) });
  closers.push(() => judging.close());
  const { judge, chooser } = judging;
  const policies = createPolicies({ directory: config.policiesDir, clock, inventory, judge, log: (line) => log.info(line) });
  closers.push(() => policies.close());
  const stopFile = openStopFile(dataDir, clock);
  closers.push(() => stopFile.close());
  return {
    journal,
    clock,
    ids: makeIds(),
    disk: diskOf(dataDir),
    stopFile,
    policies,
    chooser,
    inventory,
    secrets: createSecrets({ directory: config.secretsDir, env }),
    seal: makeSeal(sealKey(dataDir)),
    actions: createActions({ transport, clock, pace, own: ownActions }),
    onFatal,
  };
}

async function startEngine(ports: EnginePorts, config: DaemonConfig, closers: Closers): Promise<EngineFace> {
  const { submitTtlMs, diskFreeBytesMin } = config;
  const engine = await openEngine(ports, { submitTtlMs, diskFreeBytesMin });
  closers.push(() => engine.close());
  return engine;
}

async function startSinks(
  ports: EnginePorts,
  { dataDir, sinksFile }: DaemonConfig,
  { world, closers }: { readonly world: DaemonWorld; readonly closers: Closers },
): Promise<Sinks> {
  const { journal, clock, ids, secrets } = ports;
  const sinks = await openSinks({
    file: sinksFile,
    directory: join(dataDir, "sinks"),
    feed: createEventFeed(journal, clock),
    clock,
    ids,
    secrets,
    env: world.env,
    endGroup,
    log: world.log,
  });
  closers.push(() => sinks.close());
  return sinks;
}

/** Who may call. */
interface Access {
  readonly authenticator: Authenticator;
  readonly tokens: TokenBook;
}

function openAccess({ dataDir }: DaemonConfig, { uid }: DaemonWorld, closers: Closers): Access {
  const tokens = new TokenBook(tokenFile(dataDir, uid), systemClock);
  closers.push(() => tokens.close());
  return { authenticator: createAuthenticator({ adminToken: adminToken(dataDir), book: tokens }), tokens };
}

interface ServerParts {
  readonly config: DaemonConfig;
  readonly world: DaemonWorld;
  readonly engine: EngineFace;
  readonly ports: EnginePorts;
  readonly closers: Closers;
  readonly access: Access;
  readonly tls: TlsMaterial | undefined;
  readonly sinks: Sinks;
}

async function startServer({ config, world, engine, ports, closers, access, tls, sinks }: ServerParts): Promise<ApiServer> {
  const { log, onFatal } = world;
  const { clock } = ports;
  const shutdown = createShutdown();
  const handlers = createRoutes({
    engine,
    journal: ports.journal,
    ...access,
    sinks,
    callsPerPrincipal: config.callsPerPrincipal,
    onFatal,
    shutdown: shutdown.signal,
  });
  const quietly = (message: string): void => log.debug(message);
  const listener = createRequestListener(handlers, { log: quietly, clock, nowMs: () => clock.nowMs() });
  const server = await serve({ listen: config.listen, listener, clock, tls, log: quietly });
  closers.push(async () => {
    shutdown.begin();
    await server.close();
  });
  if (config.tls !== undefined && tls !== undefined)
    closers.push(watchTls({ paths: config.tls, material: tls, clock, log, renew: (material) => server.renewTls(material) }));
  return server;
}
