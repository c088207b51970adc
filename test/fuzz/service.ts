// A whole service for inputs: the real API on a free port, the real engine, policies and journal on disk; only the hosts are simulated.
// 1. Arguments go through the real actions' own checks and parsers, and then to a simulated host: nothing that is made up here ever runs.
// 2. What inputs leave behind is given back by tidy(), so that memory says something; a bug that the service would end by is a fault.

import { rmSync } from "node:fs";
import { create } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { createActions } from "../../internal/action/catalogue.ts";
import { createAuthenticator } from "../../internal/api/authentication.ts";
import { createRequestListener } from "../../internal/api/request-listener.ts";
import { createRoutes } from "../../internal/api/routes.ts";
import { serve } from "../../internal/api/server.ts";
import type { ApiServer } from "../../internal/api/server.ts";
import { createShutdown } from "../../internal/api/shutdown.ts";
import { TokenBook } from "../../internal/api/token-book.ts";
import { HoldfastError } from "../../internal/base/errors.ts";
import { WorkflowId } from "../../internal/base/ids.ts";
import { completionToken } from "../../internal/engine/completion-token.ts";
import { openEngine } from "../../internal/engine/engine.ts";
import type { Engine } from "../../internal/engine/engine.ts";
import type { Action, Actions, Policies, Transport } from "../../internal/engine/ports.ts";
import { Resolution, Mode } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { ThawRequestSchema } from "../../internal/gen/holdfast/v1/guard_service_pb.ts";
import { TaskOutcome } from "../../internal/gen/holdfast/v1/status_pb.ts";
import {
  ListTasksRequestSchema,
  ListWorkflowsRequestSchema,
  ResolveTaskRequestSchema,
} from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { openJournal } from "../../internal/journal/open-journal.ts";
import type { LevelJournal } from "../../internal/journal/level-journal.ts";
import { createPolicies } from "../../internal/policy/policies.ts";
import { systemClock } from "../../internal/system/clock.ts";
import { makeIds } from "../../internal/system/ids.ts";
import { selectTargets } from "../../internal/workflow/targets.ts";
import { ADMIN_TOKEN, MemoryTokens } from "../fakes/api-server.ts";
import { openSeal } from "../fakes/fake-seal.ts";
import { FakeStopFile } from "../fakes/fake-stop-file.ts";
import { Fleet } from "../fakes/fleet.ts";
import { NO_SINKS } from "../fakes/no-sinks.ts";
import { TESTER } from "../fakes/principals.ts";
import { aSubmission, aWorkflow, someTargets } from "../fakes/world.ts";
import { newDirectory } from "./journal-rows.ts";
import { textOf } from "./probe.ts";

/** Stands in arguments, parameters and secrets; nothing that the service says may hold it. */
export const CANARY = "Zq7canaryZq7";
/** The value of every secret. */
export const SECRET = "Zq7secretZq7";

const HOSTS = 5;
const SETTLE_TURNS = 60;
const READY_MS_MAX = 20_000;
const TIDY_ROUNDS_MAX = 50;
const OPEN = 'workflow.phase != "SUCCEEDED" && workflow.phase != "FAILED" && workflow.phase != "CANCELLED" && workflow.phase != "EXPIRED"';

/** Lenient, and asked at every gate; with a limit of each kind. */
const POLICY = `name: fuzzed
match: 'workflow.name != ""'
rules:
  - { name: shape, gates: [submit, exec, wave, task], enforcement: warn, expr: 'size(workflow.stages) < 50', message: '"too many stages: " + string(size(workflow.stages))' }
  - { name: touched, gates: [submit, wave], enforcement: audit, expr: 'ledger.touched("1h", "site", "ams") < 1000000', message: '"too much"' }
limits:
  - { name: slots, match: 'true', key: 'task.uses', concurrency: 1000 }
  - { name: tokens, match: 'has(workflow.annotations.slow)', key: '"k"', tokens: 1000000, period: 1s, burst: 1000 }
`;

/** Awaits a person, can be sent a signal, and asked a query. */
const AWAITING: JsonValue = {
  name: "awaiting",
  vars: { n: { type: "PARAM_TYPE_INT" } },
  signals: { add: { fields: { n: { type: "PARAM_TYPE_INT" } }, set: { n: "vars.n + signal.n" } } },
  queries: { n: "vars.n" },
  stages: [{ name: "ask", actions: [{ name: "look", uses: "person", with: { role: "dba", title: CANARY } }] }],
};
/** Hands out a token, and awaits what is said by it. */
const HANDED: JsonValue = {
  name: "handed",
  stages: [
    { name: "hand", actions: [{ name: "out", uses: "touch", completion: { within: "60000s", missing: "COMPLETION_MISSING_FAILED" } }] },
  ],
};
const SEAL = openSeal("the key of a fuzzed service");
/** Of these nothing runs at any host. */
const HOSTLESS: ReadonlySet<string> = new Set(["person", "signal", "wait"]);

/** Workflows that are there, by what an input calls them. */
export type KnownWorkflows = Readonly<Record<"@ended" | "@held" | "@submitted" | "@running" | "@awaiting" | "@digest" | "@token", string>>;

/** A service that serves inputs. */
export class FuzzedService {
  known: KnownWorkflows = { "@ended": "", "@held": "", "@submitted": "", "@running": "", "@awaiting": "", "@digest": "", "@token": "" };
  readonly token = ADMIN_TOKEN;
  readonly #directory = newDirectory();
  readonly #fleet = new Fleet();
  readonly #shutdown = createShutdown();
  readonly #tokens = new TokenBook(new MemoryTokens(), systemClock);
  readonly #fatal: unknown[] = [];
  readonly #logged: string[] = [];
  readonly #onFatal = (error: unknown): void => void this.#fatal.push(error);
  #journal: LevelJournal | undefined;
  #engine: Engine | undefined;
  #server: ApiServer | undefined;
  #requests = 0;

  get address(): string {
    return this.#server?.address ?? "";
  }

  get engine(): Engine {
    if (this.#engine === undefined) throw new Error("the service is not up");
    return this.#engine;
  }

  /** Opens the engine on the directory and serves. */
  async start(): Promise<void> {
    await this.#openEngine();
    const [engine, journal] = [this.engine, this.#journal];
    if (journal === undefined) throw new Error("the journal is open");
    const onFatal = this.#onFatal;
    const log = (line: string): void => void this.#logged.push(line);
    const handlers = createRoutes({
      engine,
      journal,
      authenticator: createAuthenticator({ adminToken: ADMIN_TOKEN, book: this.#tokens }),
      tokens: this.#tokens,
      sinks: NO_SINKS,
      callsPerPrincipal: 1_024,
      onFatal,
      shutdown: this.#shutdown.signal,
    });
    const listener = createRequestListener(handlers, { log, clock: systemClock, nowMs: () => systemClock.nowMs() });
    this.#server = await serve({ listen: "127.0.0.1:0", listener, clock: systemClock, tls: undefined, log });
    await this.#makeKnown();
  }

  /** Executes what was accepted last, and lets it run as far as it comes: what a submission says meets dispatch, gates and parsers. */
  async execNewest(): Promise<void> {
    const { workflows } = await this.engine.listWorkflows(create(ListWorkflowsRequestSchema, { namespace: "*", pageSize: 1 }));
    for (const { id } of workflows) await this.#quietly(() => this.engine.exec(TESTER, { id, namespace: "" }, ""));
    for (let turn = 0; turn < SETTLE_TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
    this.assertSound();
  }

  /** One that was not used yet. */
  nextRequestId(): string {
    return `00000000-0000-4000-8000-${String(++this.#requests).padStart(12, "0")}`;
  }

  /** Throws when the service has found a bug in itself, or logged a value. */
  assertSound(): void {
    const [fatal] = this.#fatal.splice(0);
    if (fatal !== undefined) throw new Error(`the service would have ended itself: ${textOf(fatal)}`, { cause: fatal });
    const logged = this.#logged.splice(0).find((line) => line.includes(CANARY));
    if (logged !== undefined) throw new Error(`the log shows a value: ${logged}`);
  }

  /** Ends and lifts whatever inputs left, looks whether the journal is whole, and makes the known workflows anew. */
  async tidy(): Promise<void> {
    const { engine } = this;
    for (const { id } of (await engine.freezes()).proof?.freezes ?? [])
      await engine.thaw(TESTER, create(ThawRequestSchema, { id, reason: "tidy" }));
    for (const { name } of this.#tokens.list()) this.#tokens.revoke(name);
    await this.#endAll();
    this.assertSound();
    const damage = (await this.#journal?.verify({}))?.damage ?? [];
    if (damage.length > 0) throw new Error(`the journal is damaged: ${JSON.stringify(damage.slice(0, 3))}`);
    this.#fleet.hosts.clear();
    await this.#makeKnown();
  }

  /** Ends it as a kill would, opens the engine on what is on disk, and looks whether it comes up: what was accepted replays. */
  async close(): Promise<void> {
    this.#shutdown.begin();
    await this.#server?.close();
    await this.#closeEngine();
    await this.#openEngine();
    const { workflows } = await this.engine.listWorkflows(create(ListWorkflowsRequestSchema, { namespace: "*", pageSize: 100 }));
    for (const { id, phase, error } of workflows)
      if (error.includes("JOURNAL_CORRUPT")) throw new Error(`workflow ${id} (phase ${phase}) does not replay: ${error}`);
    await this.#closeEngine();
    this.#tokens.close();
    rmSync(this.#directory, { recursive: true });
    this.assertSound();
  }

  async #openEngine(): Promise<void> {
    const onFatal = this.#onFatal;
    const journal = await openJournal(this.#directory, { onFatal, nowMs: () => systemClock.nowMs(), isReadOnly: false });
    this.#journal = journal;
    const targets = someTargets(HOSTS);
    const inventory = { targets: () => targets };
    this.#engine = await openEngine(
      {
        journal,
        clock: systemClock,
        ids: makeIds(),
        disk: { freeBytes: async () => Number.MAX_SAFE_INTEGER },
        stopFile: new FakeStopFile(),
        policies: policiesOver(inventory),
        chooser: { choose: async (selector, selection) => selectTargets(selector, selection) },
        inventory,
        secrets: { value: secretValue },
        seal: SEAL,
        actions: actionsOver(this.#fleet),
        onFatal,
      },
      { submitTtlMs: 3_600_000, diskFreeBytesMin: 1 },
    );
  }

  async #closeEngine(): Promise<void> {
    await this.#engine?.close();
    await this.#journal?.close();
    this.#engine = undefined;
    this.#journal = undefined;
  }

  async #makeKnown(): Promise<void> {
    const ended = await this.#still(await this.#run("ended", "set"));
    this.#fleet.trouble("h0", "apply", "lost-answer");
    const held = await this.#still(await this.#run("held", "touch", "h0"));
    this.#fleet.trouble("h1", "apply", "hang"); // h0 stays locked by what is held
    const running = await this.#run("running", "touch", "h1");
    await this.#until(() => this.#fleet.host("h1").troubles.get("apply")?.length === 0);
    const submitted = await this.#submit("submitted", "set");
    const { id: awaiting } = await this.engine.submit(TESTER, aSubmission(AWAITING, { requestId: this.nextRequestId() }), Mode.APPLY);
    await this.engine.exec(TESTER, { id: awaiting, namespace: "" }, "");
    await this.#still(awaiting);
    const { id: handed } = await this.engine.submit(TESTER, aSubmission(HANDED, { requestId: this.nextRequestId() }), Mode.APPLY);
    await this.engine.exec(TESTER, { id: handed, namespace: "" }, "");
    this.known = {
      "@ended": ended,
      "@held": held,
      "@running": running,
      "@submitted": submitted.id,
      "@awaiting": awaiting,
      "@digest": submitted.digest,
      "@token": completionToken(SEAL, { id: WorkflowId.parse(handed), task: 0, attempt: 1 }),
    };
  }

  async #submit(name: string, uses: string, host?: string) {
    const actions = [{ name: "apply", uses, with: { name: "a", value: CANARY } }];
    const stages: JsonValue = [{ name: "fix", over: { targets: true }, actions }];
    const requestId = this.nextRequestId();
    const key = `${name}-${this.#requests}`;
    return this.engine.submit(
      TESTER,
      aSubmission(aWorkflow({ name, stages, targets: host === undefined ? { where: "true" } : { names: [host] } }), { requestId, key }),
      Mode.APPLY,
    );
  }

  async #run(name: string, uses: string, host?: string): Promise<string> {
    const { id } = await this.#submit(name, uses, host);
    await this.engine.exec(TESTER, { id, namespace: "" }, "");
    for (let turn = 0; turn < SETTLE_TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
    return id;
  }

  /** When it has ended, or waits for a person. */
  async #still(id: string): Promise<string> {
    await this.engine.waitStill({ id, namespace: "" }, AbortSignal.timeout(READY_MS_MAX));
    return id;
  }

  async #until(isThere: () => boolean): Promise<void> {
    const end = performance.now() + READY_MS_MAX;
    while (!isThere()) {
      if (performance.now() > end) throw new Error("the known workflows do not come where they are to be");
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #endAll(): Promise<void> {
    for (let round = 0; round < TIDY_ROUNDS_MAX; round++) {
      const { workflows } = await this.engine.listWorkflows(
        create(ListWorkflowsRequestSchema, { namespace: "*", pageSize: 1_000, filter: OPEN }),
      );
      if (workflows.length === 0) return;
      for (const { id } of workflows) await this.#end(id);
      for (let turn = 0; turn < SETTLE_TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    throw new Error(`workflows do not end though they were cancelled ${TIDY_ROUNDS_MAX} times and their tasks settled`);
  }

  async #end(id: string): Promise<void> {
    const workflow = { id, namespace: "" };
    await this.#quietly(() => this.engine.cancel(TESTER, workflow, "tidy"));
    const request = create(ListTasksRequestSchema, { workflow: { id, namespace: "" }, outcomes: [TaskOutcome.UNKNOWN] });
    const { tasks } = await this.engine.listTasks(request);
    for (const { stage, action, target } of tasks) {
      const resolution = { workflow: { id, namespace: "" }, stage, action, target, resolution: Resolution.FAILED, reason: "tidy" };
      await this.#quietly(() => this.engine.resolveTask(TESTER, create(ResolveTaskRequestSchema, resolution)));
    }
  }

  /** What it says no to has ended or settled meanwhile. */
  async #quietly(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
    }
  }
}

function policiesOver(inventory: Parameters<typeof createPolicies>[0]["inventory"]): Policies {
  const policies = createPolicies({ directory: undefined, clock: systemClock, inventory, log: () => undefined });
  return policies.withCandidates([{ file: "fuzzed.yaml", source: POLICY }]);
}

function secretValue(name: string): string {
  if (name.includes("no")) throw new HoldfastError("NOT_FOUND", "there is no such secret; see --secrets");
  return SECRET;
}

/** The simulated hosts' own actions, and the real ones, whose work a simulated host does. */
function actionsOver(fleet: Fleet): Actions {
  const unreachable = async (): Promise<never> => {
    throw new Error("no command of an input is ever run");
  };
  const transport: Transport = { run: unreachable, look: unreachable };
  const pace = { run: unreachable };
  const real = createActions({ transport, clock: systemClock, pace, own: [] });
  const find = (uses: string): Action | undefined => {
    const action = real.find(uses);
    const set = fleet.find("set");
    if (action !== undefined && HOSTLESS.has(uses)) return action;
    if (action === undefined || set === undefined) return fleet.find(uses);
    const parse: Action["parse"] = (raw) => {
      const { effects, isSensitive } = action.parse(raw);
      return { ...set.parse({ name: "a", value: "1" }), effects, isSensitive };
    };
    return { ...action, parse };
  };
  return { find, names: () => [...real.names(), ...fleet.names()] };
}
