// A short campaign with fresh seeds, every kind of trouble once; and that a campaign finds what is lost or done twice when it is.
// HOLDFAST_CAMPAIGN_SEED=N repeats one.

import { randomInt } from "node:crypto";
import { rmSync } from "node:fs";
import { expect, test } from "vitest";
import { runBatch } from "./campaign/batch.ts";
import { diskMeans } from "./campaign/full-disk.ts";
import { doubled, readHostLog } from "./campaign/host-log.ts";
import { reckon } from "./campaign/reckoning.ts";
import type { Evidence } from "./campaign/reckoning.ts";
import { TROUBLES } from "./campaign/run-plan.ts";
import { complaint, tally } from "./campaign/tally.ts";

const FRESH_MS = 30_000;
const JOBS = 2;
const STOP_MS_MAX = 2_000;

test("in every kind of trouble nothing is lost and nothing is done twice", { timeout: 600_000 }, async () => {
  const seed = Number(process.env["HOLDFAST_CAMPAIGN_SEED"] ?? randomInt(1_000_000_000));
  const startMs = Date.now();
  let runs = 0;
  const results = await runBatch({
    firstSeed: seed,
    runs: 1_000,
    jobs: JOBS,
    diskMeans: diskMeans(),
    stopMsMax: STOP_MS_MAX,
    lieMs: 0,
    // Every kind has its turn, however slow the machine.
    isOver: () => runs++ >= TROUBLES.length && Date.now() - startMs > FRESH_MS,
    onResult: (result) => {
      const repeat = `npm run campaign -- --seed ${result.seed} --runs 1 --stop-max ${STOP_MS_MAX / 1_000}`;
      if (result.findings.length > 0) console.log(complaint(result, repeat));
    },
  });
  const { lines, isClean } = tally(results);
  console.log([`campaign from seed ${seed}, a full disk is a ${diskMeans()}`, ...lines].join("\n"));
  expect(new Set(results.map(({ trouble }) => trouble))).toEqual(new Set(TROUBLES));
  expect(results.reduce((sum, { serviceKills }) => sum + serviceKills, 0)).toBeGreaterThan(0);
  expect(isClean).toBe(true);
});

test("a service that acknowledges what it has not written is found out", async () => {
  const results = await runBatch({
    firstSeed: 0,
    // Seeds a round of kinds apart are of the first kind: the service is killed.
    runs: 1,
    jobs: 1,
    isOver: () => false,
    onResult: () => undefined,
    diskMeans: "file size limit",
    stopMsMax: STOP_MS_MAX,
    lieMs: 20_000,
  });
  for (const { kept } of results) if (kept !== "") rmSync(kept, { recursive: true, force: true });
  const found = results.flatMap(({ findings }) => findings);
  expect(found.map(({ kind }) => kind)).toContain("lost");
  expect(found.map(({ what }) => what).join("\n")).toMatch(/is unknown/);
});

const ID = "01a1fd69-f7cd-755c-9765-61083638dcfe";
const line = (said: string, effects: string): string => `${said} ${effects} ${ID} s0 ${effects === "unsafe" ? "once0" : "mark0"} 1\n`;

test.each([
  ["an unsafe change is made twice", ["begun unsafe", "done unsafe", "done unsafe"]],
  ["an idempotent change is made twice", ["begun idempotent", "begun idempotent", "done idempotent", "done idempotent"]],
  ["what was done begins again", ["begun idempotent", "done idempotent", "begun idempotent"]],
  ["an unsafe one begins again blindly", ["begun unsafe", "begun unsafe"]],
])("it is doubled when %s", (_, words) => {
  const text = words.map((word) => line(word.split(" ")[0] ?? "", word.split(" ")[1] ?? "")).join("");
  expect(doubled("host-00", readHostLog(text))).toHaveLength(1);
});

test("what failed or was stopped before its change may begin again, and an idempotent one in doubt too", () => {
  for (const words of [
    ["begun unsafe", "failed unsafe", "begun unsafe", "done unsafe"],
    ["begun idempotent", "stopped idempotent", "begun idempotent", "begun idempotent", "done idempotent"],
  ]) {
    const text = words.map((word) => line(word.split(" ")[0] ?? "", word.split(" ")[1] ?? "")).join("");
    expect(doubled("host-00", readHostLog(text))).toEqual([]);
  }
});

test("a log in which a host wrote something else is no witness", () => {
  expect(() => readHostLog("dane unsafe x y z 1\n")).toThrow(/a host wrote/);
});

const WHOLE: Evidence = {
  acknowledged: new Set([ID]),
  logbook: [{ requestId: "r", id: ID, intent: "exec", end: { phase: "SUCCEEDED" } }],
  workflows: [{ id: ID, phase: "SUCCEEDED", counts: {} }],
  tasks: new Map([
    [ID, [{ stage: "s0", action: "once0", target: "host-00", outcome: "SUCCEEDED", attempts: 1, changed: true, error: "" }]],
  ]),
  logs: new Map([["host-00", readHostLog(line("begun", "unsafe") + line("done", "unsafe"))]]),
  read: () => "",
  mayFail: false,
};

test("a whole run has nothing to find", () => expect(reckon(WHOLE)).toEqual([]));

test.each<[string, Partial<Evidence>, RegExp]>([
  ["an acknowledged workflow is unknown", { workflows: [] }, /was acknowledged and is unknown/],
  ["a request became nothing", { logbook: [{ requestId: "r", id: null, intent: "exec", end: null }] }, /never became a workflow/],
  ["a workflow has not ended", { workflows: [{ id: ID, phase: "RUNNING", counts: {} }] }, /was to run and is RUNNING/],
  ["a success has no change", { logs: new Map() }, /its change is not there/],
  ["a change is denied", { tasks: denied() }, /its change is there/],
])("it is lost when %s", (_, broken, what) => {
  const found = reckon({ ...WHOLE, ...broken }).filter(({ kind }) => kind === "lost");
  expect(found.map((finding) => finding.what).join("\n")).toMatch(what);
});

function denied(): Evidence["tasks"] {
  return new Map([[ID, (WHOLE.tasks.get(ID) ?? []).map((task) => ({ ...task, outcome: "FAILED" }))]]);
}
