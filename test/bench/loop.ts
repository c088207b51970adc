// How long one workflow of 100,000 targets holds the event loop, from Submit to its end, with policies and the real store.
// Run: npm run bench -- loop. What is not an expression but the mere size of the work may hold it longer than 50 ms: this shows how long.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { Mode } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { TargetSchema } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { openJournal } from "../../internal/journal/open-journal.ts";
import { systemClock } from "../../internal/system/clock.ts";
import { watchLoop } from "../fakes/loop-watch.ts";
import { TESTER } from "../fakes/principals.ts";
import { aSubmission, requestId } from "../fakes/world.ts";
import { openBenchService } from "./bench-service.ts";
import { inMs, printTable } from "./table.ts";
import type { Row } from "./table.ts";

const TARGETS = 100_000;

/** Everything that a policy may look at: labels of the scope, counts of fleet and ledger, and a loop over all targets. */
const POLICY = `
name: bench
match: size(scope.targets_by_label) > 0
rules:
  - { name: all, gates: [submit, exec, wave], enforcement: deny, expr: 'targets.all(t, t.labels.site != "")', message: '"a site is missing"' }
  - name: sites
    gates: [submit, wave]
    enforcement: wait
    expr: 'countBy(targets, "site").all(site, n, ledger.touched("1h", "site", site) + n <= fleet.count("site", site))'
    message: '"too many"'
`;

const targets = Array.from({ length: TARGETS }, (_, index) =>
  create(TargetSchema, {
    name: `web-${String(index).padStart(6, "0")}.example.net`,
    labels: { site: `s${index % 40}`, role: index % 3 === 0 ? "db" : "web", rack: `r${index % 200}`, os: "debian12" },
    connection: { kind: { case: "ssh", value: { host: `10.0.${index >> 8}.${index & 255}` } } },
  }),
);
const directory = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
mkdirSync(join(directory, "policies"));
writeFileSync(join(directory, "policies", "bench.yaml"), POLICY);
const onFatal = (error: unknown): void => {
  throw error;
};
const journal = await openJournal(join(directory, "journal"), { onFatal, nowMs: () => systemClock.nowMs(), isReadOnly: false });
const service = await openBenchService(targets, { journal, policies: join(directory, "policies") });
const rows: Row[] = [];

async function measure<T>(what: string, call: () => Promise<T>): Promise<T> {
  const stop = watchLoop();
  const startMs = performance.now();
  const value = await call();
  rows.push({ what, figure: `${inMs(stop().longestMs)} of ${inMs(performance.now() - startMs)}` });
  return value;
}

const stages = [{ name: "all", over: { targets: true }, rollout: { parallel: 50 }, actions: [{ name: "a", uses: "change" }] }];
const definition = { name: "bench", targets: { where: "target.labels.role != 'x'" }, stages };
for (const nth of [1, 2]) {
  const request = aSubmission(definition, { requestId: requestId(nth) });
  const { id } = await measure(`Submit ${nth}`, () => service.engine.submit(TESTER, request, Mode.APPLY));
  const ref = { id, namespace: "" };
  await measure(`the same Submit ${nth} again`, () => service.engine.submit(TESTER, request, Mode.APPLY));
  await measure(`Exec ${nth}`, () => service.engine.exec(TESTER, ref, ""));
  await measure(`one wave to the end of workflow ${nth}`, () => service.engine.waitStill(ref, new AbortController().signal));
}
printTable(`The longest hold of the event loop, one workflow of ${TARGETS.toLocaleString("en")} targets`, rows);
await service.close();
rmSync(directory, { recursive: true });
