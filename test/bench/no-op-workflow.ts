// A workflow of no-op tasks through the whole engine, timed: what the core and the engine cost beside disk and actions.
// 1. The actions read nothing and put out nothing, so that every event is the engine's own.

import type { JsonValue } from "@bufbuild/protobuf";
import { HoldfastError } from "../../internal/base/errors.ts";
import { openEngine } from "../../internal/engine/engine.ts";
import type { Actions, PreparedAction } from "../../internal/engine/ports.ts";
import { Effects, Mode } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { Event } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { Phase } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { systemClock } from "../../internal/system/clock.ts";
import { fakeIds } from "../fakes/fake-ids.ts";
import { fakeSeal } from "../fakes/fake-seal.ts";
import { aSubmission, someTargets } from "../fakes/world.ts";
import { LightJournal } from "./light-journal.ts";
import { createPolicies } from "../../internal/policy/policies.ts";
import { selectTargets } from "../../internal/workflow/targets.ts";
import { FakeStopFile } from "../fakes/fake-stop-file.ts";
import { TESTER } from "../fakes/principals.ts";

const NO_OP: PreparedAction = {
  effects: Effects.NONE,
  isAtomic: false,
  isSensitive: false,
  check: async () => ({ kind: "unknowable" }),
  apply: async () => ({ kind: "applied" }),
};

const ACTIONS: Actions = {
  find: (uses) => ({ uses, effects: Effects.NONE, digest: "", validate: () => [], parse: () => NO_OP }),
  names: () => ["nothing"],
};

/** What a run cost. */
export interface Cost {
  readonly tasks: number;
  readonly events: number;
  readonly appends: number;
  readonly seconds: number;
  readonly submitSeconds: number;
  readonly rssMiB: number;
}

interface Size {
  readonly targets: number;
  readonly actions: number;
  readonly parallel: number;
  readonly rollout?: { readonly [key: string]: JsonValue };
  /** Sees what is appended. */
  readonly onEvents?: (events: readonly Event[]) => void;
}

/** Runs `targets` × `actions` no-op tasks to their end. */
export async function runNoOps({ targets, actions, parallel, rollout = {}, onEvents = () => undefined }: Size): Promise<Cost> {
  const journal = new LightJournal(onEvents);
  const inventory = someTargets(targets);
  const ports = {
    journal,
    clock: systemClock,
    ids: fakeIds(1),
    disk: { freeBytes: async () => 1e12 },
    inventory: { targets: () => inventory },
    stopFile: new FakeStopFile(),
    policies: createPolicies({ directory: undefined, clock: systemClock, inventory: { targets: () => inventory }, log: () => undefined }),
    chooser: { choose: async (...asked: Parameters<typeof selectTargets>) => selectTargets(...asked) },
    seal: fakeSeal(),
    secrets: {
      value: (name: string) => {
        throw new HoldfastError("NOT_FOUND", name);
      },
    },
    actions: ACTIONS,
    onFatal: (error: unknown) => {
      throw error;
    },
  };
  const engine = await openEngine(ports, { submitTtlMs: 3_600_000, diskFreeBytesMin: 1 });
  const list = Array.from({ length: actions }, (_, index) => ({ name: `a${index}`, uses: "nothing" }));
  const definition: JsonValue = {
    name: "bench",
    targets: { where: "true" },
    stages: [{ name: "all", over: { targets: true }, rollout: { parallel, ...rollout }, actions: list }],
  };
  const begun = performance.now();
  const { id } = await engine.submit(TESTER, aSubmission(definition), Mode.APPLY);
  const submitted = performance.now();
  await engine.exec(TESTER, { id, namespace: "" }, "");
  const status = await engine.waitStill({ id, namespace: "" }, new AbortController().signal);
  const ended = performance.now();
  if (status.phase !== Phase.SUCCEEDED) throw new Error(`the workflow ended in phase ${status.phase}`);
  return {
    tasks: status.counts?.tasks ?? 0,
    events: journal.events,
    appends: journal.entries,
    seconds: (ended - submitted) / 1_000,
    submitSeconds: (submitted - begun) / 1_000,
    rssMiB: Math.round(process.memoryUsage.rss() / 1_048_576),
  };
}
