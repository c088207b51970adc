// One workflow of no-op tasks through the real engine and the real journal, synced, in a directory on the disk: what a durable task costs.
// 1. A no-op is what most tasks of an idempotent action are: the check says that all is as it is wanted, and nothing is changed.
// 2. Actions and targets cost nothing here, so that what is measured is the service's own.

import { join } from "node:path";
import type { JsonValue } from "@bufbuild/protobuf";
import { WorkflowId } from "../../internal/base/ids.ts";
import { HoldfastError } from "../../internal/base/errors.ts";
import { openEngine } from "../../internal/engine/engine.ts";
import type { Actions, PreparedAction } from "../../internal/engine/ports.ts";
import { Effects, Mode } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { Phase } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { openJournal } from "../../internal/journal/open-journal.ts";
import { createPolicies } from "../../internal/policy/policies.ts";
import { systemClock } from "../../internal/system/clock.ts";
import { selectTargets } from "../../internal/workflow/targets.ts";
import { fakeIds } from "../fakes/fake-ids.ts";
import { fakeSeal } from "../fakes/fake-seal.ts";
import { FakeStopFile } from "../fakes/fake-stop-file.ts";
import { TESTER } from "../fakes/principals.ts";
import { aSubmission, someTargets } from "../fakes/world.ts";
import { withScratch } from "./scratch.ts";

/** What a check of a file finds: the SHA-256 of its content. */
const CHECKSUM = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

const CONVERGED: PreparedAction = {
  effects: Effects.IDEMPOTENT,
  isAtomic: true,
  isSensitive: false,
  check: async () => ({ kind: "converged", checksum: CHECKSUM }),
  apply: async () => ({ kind: "applied" }),
};

const ACTIONS: Actions = {
  find: (uses) => ({ uses, effects: Effects.IDEMPOTENT, digest: "", validate: () => [], parse: () => CONVERGED }),
  names: () => ["same"],
};

const onFatal = (error: unknown): void => {
  throw error;
};

/** How large it is. */
export interface WorkflowSize {
  readonly targets: number;
  readonly actions: number;
  readonly parallel: number;
}

/** What it took, from Exec to its end on disk. */
export interface WorkflowCost {
  readonly id: WorkflowId;
  readonly tasks: number;
  readonly perSecond: number;
  /** On all cores: collecting garbage and compacting tables are part of it. */
  readonly perCpuSecond: number;
}

/** Runs it in an empty directory, and then what looks at its journal, which is closed. */
export function runDurably<T>(size: WorkflowSize, look: (cost: WorkflowCost, dataDirectory: string) => Promise<T> | T): Promise<T> {
  return withScratch(async (directory) => {
    const dataDirectory = join(directory, "data");
    return look(await runIn(dataDirectory, size), dataDirectory);
  });
}

async function runIn(dataDirectory: string, size: WorkflowSize): Promise<WorkflowCost> {
  const journal = await openJournal(dataDirectory, { onFatal, nowMs: () => systemClock.nowMs(), isReadOnly: false });
  const targets = someTargets(size.targets);
  const inventory = { targets: () => targets };
  const ports = {
    journal,
    clock: systemClock,
    ids: fakeIds(1),
    disk: { freeBytes: async () => 1e12 },
    inventory,
    stopFile: new FakeStopFile(),
    policies: createPolicies({ directory: undefined, clock: systemClock, inventory, log: () => undefined }),
    chooser: { choose: async (...asked: Parameters<typeof selectTargets>) => selectTargets(...asked) },
    seal: fakeSeal(),
    secrets: {
      value: (name: string) => {
        throw new HoldfastError("NOT_FOUND", name);
      },
    },
    actions: ACTIONS,
    onFatal,
  };
  const engine = await openEngine(ports, { submitTtlMs: 3_600_000, diskFreeBytesMin: 1 });
  const { id } = await engine.submit(TESTER, aSubmission(definitionOf(size)), Mode.APPLY);
  const cpuBefore = process.cpuUsage();
  const startMs = performance.now();
  await engine.exec(TESTER, { id, namespace: "" }, "");
  const status = await engine.waitStill({ id, namespace: "" }, new AbortController().signal);
  const seconds = (performance.now() - startMs) / 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);
  await engine.close();
  await journal.close();
  const tasks = status.counts?.unchanged ?? 0;
  if (status.phase !== Phase.SUCCEEDED || tasks !== size.targets * size.actions) throw new Error(`it ended in phase ${status.phase}`);
  return { id: WorkflowId.parse(id), tasks, perSecond: tasks / seconds, perCpuSecond: (tasks * 1_000_000) / (user + system) };
}

function definitionOf({ actions, parallel }: WorkflowSize): JsonValue {
  const list = Array.from({ length: actions }, (_, index) => ({ name: `a${index}`, uses: "same" }));
  return {
    name: "bench",
    targets: { where: "true" },
    stages: [{ name: "all", over: { targets: true }, rollout: { parallel }, actions: list }],
  };
}
