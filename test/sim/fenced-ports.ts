// All ports of one life of the service, fenced: each call may be where the life ends, before its effect or after it, and none has an effect after.

import type {
  Action,
  Actions,
  AttemptContext,
  Clock,
  EnginePorts,
  Journal,
  Pace,
  Policies,
  PreparedAction,
  StopFile,
} from "../../internal/engine/ports.ts";
import { hanging } from "./life.ts";
import type { Life } from "./life.ts";

/** The ports as a life has them. */
export function fencedPorts(ports: EnginePorts, life: Life): EnginePorts {
  const { disk, chooser, inventory, secrets, seal, ids } = ports;
  return {
    journal: fencedJournal(ports.journal, life),
    clock: fencedClock(ports.clock, life),
    ids: { workflowId: (nowMs) => life.call("ids.workflowId", () => ids.workflowId(nowMs)), fraction: () => ids.fraction() },
    disk: { freeBytes: () => life.ask("disk.freeBytes", () => disk.freeBytes()) },
    stopFile: fencedStopFile(ports.stopFile, life),
    policies: fencedPolicies(ports.policies, life),
    chooser: { choose: (selector, selection) => life.ask("chooser.choose", () => chooser.choose(selector, selection)) },
    inventory: { targets: () => life.call("inventory.targets", () => inventory.targets()) },
    seal: {
      open: (handedOut) => life.call("seal.open", () => seal.open(handedOut)),
      mac: (text) => life.call("seal.mac", () => seal.mac(text)),
    },
    secrets: { value: (name) => life.call("secrets.value", () => secrets.value(name)) },
    actions: fencedActions(ports.actions, life),
    onFatal: (error) => {
      if (!life.isOver) ports.onFatal(error);
    },
  };
}

function fencedJournal(journal: Journal, life: Life): Journal {
  return {
    append(entry) {
      if (!life.enter("journal.append")) return hanging();
      const synced = journal.append(entry);
      if (!life.leave("journal.append")) return hanging();
      return life.ask("journal.synced", () => synced);
    },
    readFrames: (stream, range) => fencedItems(journal.readFrames(stream, range), "journal.readFrames", life),
    readBatches: (range) => fencedItems(journal.readBatches(range), "journal.readBatches", life),
    lastBatch: () => life.call("journal.lastBatch", () => journal.lastBatch()),
    onBatch: (callback) =>
      journal.onBatch(() => {
        if (!life.isOver) callback();
      }),
    openWorkflows: () => fencedItems(journal.openWorkflows(), "journal.openWorkflows", life),
    detail: (id, task) => life.call("journal.detail", () => journal.detail(id, task)),
    detailOf: (id, task, attempt) => life.call("journal.detailOf", () => journal.detailOf(id, task, attempt)),
    record: (id) => life.call("journal.record", () => journal.record(id)),
    findByRequest: (namespace, requestId) => life.call("journal.findByRequest", () => journal.findByRequest(namespace, requestId)),
    findByKey: (namespace, key) => life.call("journal.findByKey", () => journal.findByKey(namespace, key)),
    listRecords: (options) => life.ask("journal.listRecords", () => journal.listRecords(options)),
    verify: (options) => life.ask("journal.verify", () => journal.verify(options)),
    dump: (options) => fencedItems(journal.dump(options), "journal.dump", life),
    backup: () => fencedItems(journal.backup(), "journal.backup", life),
    lostBatches: journal.lostBatches,
    restoreMark: () => journal.restoreMark(),
    close: () => life.ask("journal.close", () => journal.close()),
  };
}

async function* fencedItems<T>(items: AsyncIterable<T>, port: string, life: Life): AsyncGenerator<T> {
  if (!life.enter(port)) await hanging();
  for await (const item of items) {
    if (!life.leave(port)) await hanging();
    yield item;
    if (!life.enter(port)) await hanging();
  }
  if (!life.leave(port)) await hanging();
}

/** A clock whose timers fire in their own life only. */
export function fencedClock(clock: Clock, life: Life): Clock {
  return {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    bootId: () => clock.bootId(),
    after: (delayMs, callback) => {
      if (life.isOver) return () => undefined;
      return clock.after(delayMs, () => {
        if (!life.enter("timer")) return;
        callback();
        life.leave("timer");
      });
    },
  };
}

/** A pace whose life may end when it is asked, when a turn has come, when the work is done, and when that is answered. */
export function fencedPace(pace: Pace, life: Life): Pace {
  return {
    run: (origin, work, signal) => life.ask("pace.run", () => pace.run(origin, () => life.ask("pace.begin", work), signal)),
  };
}

function fencedStopFile(stopFile: StopFile, life: Life): StopFile {
  return {
    look: () => life.call("stopFile.look", () => stopFile.look()),
    onChange: (callback) =>
      stopFile.onChange(() => {
        if (!life.isOver) callback();
      }),
  };
}

function fencedPolicies(policies: Policies, life: Life): Policies {
  return {
    get revision() {
      return policies.revision;
    },
    inForce: () => policies.inForce(),
    restore: (versions) => policies.restore(versions),
    isGated: (submitted, gate) => policies.isGated(submitted, gate),
    judge: (question) => life.ask("policies.judge", () => policies.judge(question)),
    judgeTask: (question) => life.call("policies.judgeTask", () => policies.judgeTask(question)),
    explain: (question) => policies.explain(question),
    list: () => policies.list(),
    withCandidates: (sources) => policies.withCandidates(sources),
    onChange: (callback) =>
      policies.onChange(() => {
        if (!life.isOver) callback();
      }),
  };
}

function fencedActions(actions: Actions, life: Life): Actions {
  const known = new Map<Action, Action>();
  return {
    names: () => actions.names(),
    find: (uses) => {
      const action = actions.find(uses);
      if (action === undefined) return undefined;
      const fenced = known.get(action) ?? {
        uses: action.uses,
        effects: action.effects,
        digest: action.digest,
        hasPulse: action.hasPulse === true,
        validate: (raw, context) => action.validate(raw, context),
        parse: (raw) =>
          fencedAction(
            life.call("action.parse", () => action.parse(raw)),
            life,
          ),
      };
      known.set(action, fenced);
      return fenced;
    },
  };
}

function fencedAction(action: PreparedAction, life: Life): PreparedAction {
  const { look, prepare } = action;
  return {
    effects: action.effects,
    isAtomic: action.isAtomic,
    isSensitive: action.isSensitive,
    check: (context) => life.ask("action.check", () => action.check(context)),
    apply: (context, before) => life.ask("action.apply", () => action.apply(context, before)),
    ...(look === undefined ? {} : { look: (context: AttemptContext) => life.ask("action.look", () => look(context)) }),
    ...(prepare === undefined ? {} : { prepare: (context: AttemptContext) => life.ask("action.prepare", () => prepare(context)) }),
  };
}
