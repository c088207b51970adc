// How long one workflow of 100,000 targets holds the event loop, from Submit to its end, with policies and the real store.
// 1. What is not an expression but the mere size of the work may hold it longer than 50 ms: this shows how long.
// 2. The first workflow warms up, and is not counted.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { Mode } from "../../../internal/gen/holdfast/v1/event_pb.ts";
import { TargetSchema } from "../../../internal/gen/holdfast/v1/workflow_pb.ts";
import { openJournal } from "../../../internal/journal/open-journal.ts";
import { systemClock } from "../../../internal/system/clock.ts";
import { watchLoop } from "../../fakes/loop-watch.ts";
import { TESTER } from "../../fakes/principals.ts";
import { aSubmission, requestId } from "../../fakes/world.ts";
import { openBenchService } from "../bench-service.ts";
import type { BenchService } from "../bench-service.ts";
import type { Figure, Row, Scale } from "../row.ts";
import { withScratch } from "../scratch.ts";
import { Tally } from "../tally.ts";

const TARGETS = 100_000;
const REPEATS = 3;

/** Everything that a policy may look at: labels of the scope, counts of fleet and ledger, and a loop over all targets. */
const POLICY = `
name: bench
match: size(scope.targets_by_label) > 0
rules:
  - { name: all, gates: [submit, exec, wave], enforcement: deny, expr: 'targets.all(t, t.labels.site != "")', message: '"a site is missing"' }
  - name: sites
    gates: [submit, wave]
    enforcement: wait
    expr: 'countBy(targets, "site").all(site, n, ledger.touched("1h", "site", site) + n <= 100 * fleet.count("site", site))'
    message: '"too many"'
`;

/** The row. */
export const row: Row = { name: "loop", title: "The longest hold of the event loop, one workflow of 100,000 targets", measure };

async function measure(scale: Scale): Promise<readonly Figure[]> {
  if (scale === "quick") return [];
  return withScratch(async (directory) => {
    const service = await openService(directory);
    const tally = new Tally();
    await runWorkflow(service, new Tally(), 1);
    for (let repeat = 0; repeat < REPEATS; repeat++) await runWorkflow(service, tally, 2 + repeat);
    await service.close();
    return tally.figures();
  });
}

async function openService(directory: string): Promise<BenchService> {
  const targets = Array.from({ length: TARGETS }, (_, index) =>
    create(TargetSchema, {
      name: `web-${String(index).padStart(6, "0")}.example.net`,
      labels: { site: `s${index % 40}`, role: index % 3 === 0 ? "db" : "web", rack: `r${index % 200}`, os: "debian12" },
      connection: { kind: { case: "ssh", value: { host: `10.0.${index >> 8}.${index & 255}` } } },
    }),
  );
  const policies = join(directory, "policies");
  mkdirSync(policies);
  writeFileSync(join(policies, "bench.yaml"), POLICY);
  const onFatal = (error: unknown): void => {
    throw error;
  };
  const journal = await openJournal(join(directory, "data"), { onFatal, nowMs: () => systemClock.nowMs(), isReadOnly: false });
  return openBenchService(targets, { journal, policies });
}

async function runWorkflow({ engine }: BenchService, tally: Tally, nth: number): Promise<void> {
  const held = async <T>(what: string, call: () => Promise<T>): Promise<T> => {
    const stop = watchLoop();
    const startMs = performance.now();
    const value = await call();
    tally.add({ what: `${what}: longest hold`, unit: "ms", better: "lower" }, stop().longestMs);
    tally.add({ what: `${what}: took`, unit: "ms", better: "lower" }, performance.now() - startMs);
    return value;
  };
  const stages = [{ name: "all", over: { targets: true }, rollout: { parallel: 50 }, actions: [{ name: "a", uses: "change" }] }];
  const definition = { name: "bench", targets: { where: "target.labels.role != 'x'" }, stages };
  const request = aSubmission(definition, { requestId: requestId(nth) });
  const { id } = await held("Submit", () => engine.submit(TESTER, request, Mode.APPLY));
  const ref = { id, namespace: "" };
  await held("the same Submit again", () => engine.submit(TESTER, request, Mode.APPLY));
  await held("Exec", () => engine.exec(TESTER, ref, ""));
  await held("one wave to the workflow's end", () => engine.waitStill(ref, new AbortController().signal));
}
