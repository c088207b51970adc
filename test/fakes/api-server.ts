// The API as it serves, on a free port, over a fake engine and tokens that are kept in memory.

import { create } from "@bufbuild/protobuf";
import { createAuthenticator } from "../../internal/api/authentication.ts";
import type { ReadJournal } from "../../internal/api/journal-handlers.ts";
import { createRequestListener } from "../../internal/api/request-listener.ts";
import { createRoutes } from "../../internal/api/routes.ts";
import { serve } from "../../internal/api/server.ts";
import { createShutdown } from "../../internal/api/shutdown.ts";
import type { TlsMaterial } from "../../internal/api/tls.ts";
import { TokenBook } from "../../internal/api/token-book.ts";
import type { TokenStore } from "../../internal/api/token-book.ts";
import type { TokenRecord } from "../../internal/api/token-record.ts";
import { WorkflowId } from "../../internal/base/ids.ts";
import type { EngineFace } from "../../internal/engine/face.ts";
import type { FindsWorkflows } from "../../internal/engine/lookup.ts";
import type { Clock } from "../../internal/engine/ports.ts";
import { WorkflowStatusSchema } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { systemClock } from "../../internal/system/clock.ts";
import { fakeEngine } from "./engine.ts";
import { NO_SINKS } from "./no-sinks.ts";

/** The admin's token. */
export const ADMIN_TOKEN = "test-token";

/** What a test may want to differ. */
export interface ApiOptions {
  readonly engine: Partial<EngineFace>;
  /** Workflows that exist, by ID: where they live, and who submitted them. */
  readonly workflows: Readonly<Record<string, { readonly namespace: string; readonly submittedBy: string; readonly key?: string }>>;
  readonly callsPerPrincipal: number;
  readonly clock: Clock;
  /** Of connections, and of the server as it ends. */
  readonly serverClock: Clock;
  readonly tls: TlsMaterial;
  readonly store: TokenStore;
  readonly journal: Partial<ReadJournal>;
}

/** Tokens in memory. */
export class MemoryTokens implements TokenStore {
  records: readonly TokenRecord[] = [];
  /** Thrown in place of the next write. */
  failure: Error | undefined;

  read(): readonly TokenRecord[] {
    return this.records;
  }

  write(records: readonly TokenRecord[]): void {
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
    this.records = records;
  }
}

/** A server that serves; `stop()` ends it. */
export async function startApi(options: Partial<ApiOptions> = {}) {
  const {
    clock = systemClock,
    serverClock = systemClock,
    store = new MemoryTokens(),
    workflows = {},
    callsPerPrincipal = 1_024,
    tls,
  } = options;
  const { engine, asked } = fakeEngine(options.engine);
  const shutdown = createShutdown();
  const fatal: unknown[] = [];
  const logged: string[] = [];
  const log = (message: string): void => void logged.push(message);
  const tokens = new TokenBook(store, clock);
  const handlers = createRoutes({
    engine,
    journal: { ...JOURNAL, ...options.journal, ...finds(workflows) },
    authenticator: createAuthenticator({ adminToken: ADMIN_TOKEN, book: tokens }),
    tokens,
    sinks: NO_SINKS,
    callsPerPrincipal,
    onFatal: (error) => fatal.push(error),
    shutdown: shutdown.signal,
  });
  const listener = createRequestListener(handlers, { log, clock: serverClock, nowMs: () => clock.nowMs() });
  const server = await serve({ listen: "127.0.0.1:0", listener, clock: serverClock, tls, log });
  const stop = async (): Promise<void> => {
    shutdown.begin();
    await server.close();
    tokens.close();
  };
  return { address: server.address, port: Number(new URL(server.address).port), asked, fatal, logged, tokens, server, stop };
}

const JOURNAL: ReadJournal = {
  backup: async function* backup() {
    for (let chunk = 0; chunk < 1_000; chunk++) yield Buffer.alloc(1_000, chunk);
  },
  verify: async () => ({ batches: 3, frames: 2, events: 1, head: "ab", damage: [{ stream: "guard", seq: 4, reason: "gap" }] }),
  dump: async function* dump() {
    for (let line = 0; line < 1_000; line++) yield `{"line":${line}}`;
  },
};

function finds(workflows: ApiOptions["workflows"]): FindsWorkflows {
  const all = Object.entries(workflows);
  return {
    lostBatches: [],
    record: (id) => {
      const found = workflows[id];
      if (found === undefined) return undefined;
      const status = create(WorkflowStatusSchema, { id, namespace: found.namespace, submittedBy: found.submittedBy });
      return { status, requestId: "", requestDigest: "", isOpen: true };
    },
    findByKey: (namespace, key) => {
      const id = all.find(([, found]) => found.namespace === namespace && found.key === key)?.[0];
      return id === undefined ? undefined : WorkflowId.parse(id);
    },
  };
}
