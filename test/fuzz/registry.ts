// All targets by name, each loaded only by the process that runs it.
// 1. The broken ones are there to show that the fuzzer sees; no campaign runs them.

import type { FuzzTarget } from "./target.ts";

const LOADERS: ReadonlyMap<string, () => Promise<FuzzTarget>> = new Map<string, () => Promise<FuzzTarget>>([
  ["wire", async () => (await import("./targets/wire.ts")).wireTarget],
  ["watch", async () => (await import("./targets/watch.ts")).watchTarget],
  ["workflow-file", async () => (await import("./targets/yaml-files.ts")).workflowFileTarget],
  ["policy-file", async () => (await import("./targets/yaml-files.ts")).policyFileTarget],
  ["inventory", async () => (await import("./targets/yaml-files.ts")).inventoryTarget],
  ["action-file", async () => (await import("./targets/yaml-files.ts")).actionFileTarget],
  ["sinks-file", async () => (await import("./targets/yaml-files.ts")).sinksFileTarget],
  ["expression", async () => (await import("./targets/expression.ts")).expressionTarget],
  ["journal-record", async () => (await import("./targets/journal-record.ts")).journalRecordTarget],
  ["journal-store", async () => (await import("./targets/journal-store.ts")).journalStoreTarget],
  ["command-line", async () => (await import("./targets/command-line.ts")).commandLineTarget],
  ["daemon-flags", async () => (await import("./targets/daemon-flags.ts")).daemonFlagsTarget],
  ["client-files", async () => (await import("./targets/client-files.ts")).clientFilesTarget],
  ["host-output", async () => (await import("./targets/host-output.ts")).hostOutputTarget],
]);

const BROKEN = "broken-";

/** The names of the targets that a campaign runs. */
export const TARGET_NAMES: readonly string[] = [...LOADERS.keys()];

/** A target by its name. */
export async function findTarget(name: string): Promise<FuzzTarget> {
  if (name.startsWith(BROKEN)) {
    const { brokenTarget } = await import("./broken-targets.ts");
    return brokenTarget(name.slice(BROKEN.length));
  }
  const load = LOADERS.get(name);
  if (load === undefined) throw new Error(`there is no target "${name}"; there are: ${TARGET_NAMES.join(", ")}`);
  return load();
}
