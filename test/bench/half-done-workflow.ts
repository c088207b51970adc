// One large workflow that the real engine runs over the real journal, until it kills itself with SIGKILL when half of the tasks have ended:
//   node test/bench/half-done-workflow.ts DATA-DIRECTORY TARGETS ACTIONS
// 1. Its action is `assert`, which the service has too, and which here says yes without looking: so a service goes on with it.
// 2. The workflow's ID is printed once it is executed. Nothing is tidied up: what is on disk then is what a crash leaves.

import { create } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { HoldfastError } from "../../internal/base/errors.ts";
import { openEngine } from "../../internal/engine/engine.ts";
import type { Actions, EnginePorts, Journal, PreparedAction } from "../../internal/engine/ports.ts";
import { Effects, Mode } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { TargetSchema } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { openJournal } from "../../internal/journal/open-journal.ts";
import { createPolicies } from "../../internal/policy/policies.ts";
import { systemClock } from "../../internal/system/clock.ts";
import { selectTargets } from "../../internal/workflow/targets.ts";
import { fakeIds } from "../fakes/fake-ids.ts";
import { fakeSeal } from "../fakes/fake-seal.ts";
import { FakeStopFile } from "../fakes/fake-stop-file.ts";
import { TESTER } from "../fakes/principals.ts";
import { aSubmission } from "../fakes/world.ts";

/** How many targets are worked on at once. */
const PARALLEL = 256;

const YES: PreparedAction = {
  effects: Effects.NONE,
  isAtomic: true,
  isSensitive: false,
  check: async () => ({ kind: "unknowable" }),
  apply: async () => ({ kind: "applied" }),
};

const ACTIONS: Actions = {
  find: (uses) => ({ uses, effects: Effects.NONE, digest: "", validate: () => [], parse: () => YES }),
  names: () => ["assert"],
};

const [dataDirectory = "", targets = "100000", actions = "10"] = process.argv.slice(2);
const inventory = Array.from({ length: Number(targets) }, (_, index) =>
  create(TargetSchema, {
    name: `web-${String(index).padStart(6, "0")}.example.net`,
    labels: { site: `s${index % 40}`, rack: `r${index % 200}`, role: "web" },
    connection: { kind: { case: "ssh", value: { host: `10.0.${index >> 8}.${index & 255}` } } },
  }),
);
const onFatal = (error: unknown): void => {
  throw error;
};
const journal = await openJournal(dataDirectory, { onFatal, nowMs: () => systemClock.nowMs(), isReadOnly: false });
const half = (Number(targets) * Number(actions)) / 2;

/** The journal, except that the process ends when half of the tasks have ended, on disk. */
function untilHalf(): Journal {
  let ended = 0;
  const append: Journal["append"] = async (entry) => {
    await journal.append(entry);
    for (const { kind } of entry.events) if (kind.case === "attemptEnded") ended++;
    if (ended >= half) process.kill(process.pid, "SIGKILL");
  };
  return new Proxy(journal, {
    get(target, key) {
      if (key === "append") return append;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

const log = (): void => undefined;
const ports: EnginePorts = {
  journal: untilHalf(),
  clock: systemClock,
  ids: fakeIds(2),
  disk: { freeBytes: async () => 1e12 },
  inventory: { targets: () => inventory },
  stopFile: new FakeStopFile(),
  policies: createPolicies({ directory: undefined, clock: systemClock, inventory: { targets: () => inventory }, log }),
  chooser: { choose: async (...asked: Parameters<typeof selectTargets>) => selectTargets(...asked) },
  seal: fakeSeal(),
  secrets: {
    value: (name) => {
      throw new HoldfastError("NOT_FOUND", name);
    },
  },
  actions: ACTIONS,
  onFatal,
};
const engine = await openEngine(ports, { submitTtlMs: 3_600_000, diskFreeBytesMin: 1 });
const list = Array.from({ length: Number(actions) }, (_, index) => ({ name: `a${index}`, uses: "assert", with: { that: "true" } }));
const definition: JsonValue = {
  name: "sweep",
  targets: { where: "true" },
  stages: [{ name: "all", over: { targets: true }, rollout: { parallel: PARALLEL }, actions: list }],
};
const { id } = await engine.submit(TESTER, aSubmission(definition), Mode.APPLY);
console.log(id);
await engine.exec(TESTER, { id, namespace: "" }, "");
await engine.waitStill({ id, namespace: "" }, new AbortController().signal);
throw new Error(`workflow ${id} came to its end, and should have been killed half-way`);
