// A service for measuring: the real engine, policies and worker thread, over no-op actions and a journal that forgets.
// 1. The actions read nothing and put out nothing, so that what is measured is the service's own.

import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { openJudging } from "../../cmd/holdfastd/judging.ts";
import { HoldfastError } from "../../internal/base/errors.ts";
import { openEngine } from "../../internal/engine/engine.ts";
import type { Engine } from "../../internal/engine/engine.ts";
import type { Actions, EnginePorts, Journal, PreparedAction } from "../../internal/engine/ports.ts";
import { Effects } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { Target } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { createPolicies } from "../../internal/policy/policies.ts";
import { systemClock } from "../../internal/system/clock.ts";
import { fakeIds } from "../fakes/fake-ids.ts";
import { fakeSeal } from "../fakes/fake-seal.ts";
import { FakeStopFile } from "../fakes/fake-stop-file.ts";

/** The sample policies, which are also shipped. */
const SAMPLES = fileURLToPath(new URL("../../policies", import.meta.url));

const NO_OP: PreparedAction = {
  effects: Effects.NONE,
  isAtomic: false,
  isSensitive: false,
  check: async () => ({ kind: "unknowable" }),
  apply: async () => ({ kind: "applied" }),
};

/** Actions that do nothing; the kind `nothing` says so beforehand, of any other one it is thought that it may change its target. */
const NO_OPS: Actions = {
  find: (uses) => ({
    uses,
    effects: uses === "nothing" ? Effects.NONE : Effects.IDEMPOTENT,
    digest: "",
    validate: () => [],
    parse: () => NO_OP,
  }),
  names: () => ["nothing"],
};

/** A service that is measured. */
export interface BenchService {
  readonly engine: Engine;
  readonly ports: EnginePorts;
  close(): Promise<void>;
}

/** Opens it; `policies` is a directory, undefined the built-in default. */
export async function openBenchService(
  targets: readonly Target[],
  { journal, policies: directory }: { readonly journal: Journal; readonly policies: string | undefined },
): Promise<BenchService> {
  const inventory = { targets: () => targets };
  const log = (): void => undefined;
  const judging = openJudging({ clock: systemClock, inventory, log });
  const policies = createPolicies({ directory, clock: systemClock, inventory, judge: judging.judge, log });
  const ports: EnginePorts = {
    journal,
    clock: systemClock,
    ids: fakeIds(1),
    disk: { freeBytes: async () => 1e12 },
    inventory,
    stopFile: new FakeStopFile(),
    policies,
    chooser: judging.chooser,
    seal: fakeSeal(),
    secrets: {
      value: (name) => {
        throw new HoldfastError("NOT_FOUND", name);
      },
    },
    actions: NO_OPS,
    onFatal: (error) => {
      throw error;
    },
  };
  const engine = await openEngine(ports, { submitTtlMs: 3_600_000, diskFreeBytesMin: 1 });
  const close = async (): Promise<void> => {
    await engine.close();
    policies.close();
    judging.close();
    await journal.close();
  };
  return { engine, ports, close };
}

/** The texts of the sample policies. */
export function sampleSources(): readonly { readonly file: string; readonly source: string }[] {
  const files = readdirSync(SAMPLES).filter((file) => file.endsWith(".yaml"));
  return files.map((file) => ({ file, source: readFileSync(`${SAMPLES}/${file}`, "utf8") }));
}
