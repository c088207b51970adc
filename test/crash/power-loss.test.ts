// Power loss: the real service and the real client under strace; from the trace of writes, syncs and answers the disk is rebuilt as it may be found
// after a cut at any moment, and everything that was acknowledged by then must be there.
// POWER_CUTS: how many cuts by lot, with parts of younger bytes (default 24); with it, every moment is looked at in all ways. POWER_STRICT=1 also counts what is lost where names are kept by nothing
// but a directory's sync. HOLDFAST_SEED.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { connectClient } from "../../internal/sdk/client.ts";
import { Phase } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { DaemonFixture } from "../e2e/daemon.ts";
import { seededRandom } from "../fakes/fake-ids.ts";
import { temporaryDirectory } from "../fakes/temp-directory.ts";
import { cutClientPower } from "./power-client.ts";
import type { ClientRun } from "./power-client.ts";
import { putLoad } from "./power-load.ts";
import { tokenFacts, writeImage } from "./power-look.ts";
import { cutPower, dataDisk, findAnswers, rebuild } from "./power-replay.ts";
import type { Cut, Outcome, Replay } from "./power-replay.ts";
import { runTracedClient, TracedService, whyUntraceable } from "./power-service.ts";
import { readTraces } from "./power-trace.ts";

const SEED = Number(process.env["HOLDFAST_SEED"] ?? 7);
const CUTS = Number(process.env["POWER_CUTS"] ?? 24);
const EVERY = process.env["POWER_CUTS"] === undefined ? 3 : 1;
const IS_STRICT = process.env["POWER_STRICT"] === "1";
const STARTS = 2;
const WORKFLOW = 'name: one\nstages: [{ name: s, actions: [{ name: a, uses: assert, with: { that: "true" } }] }]\n';

const why = whyUntraceable();
const random = seededRandom(SEED);
const directory = mkdtempSync(join(tmpdir(), "holdfast-power-"));
const inventoryText = "targets: [{ name: host-00, connection: { local: { root: ./hosts/host-00 } } }]\n";
let replay: Replay;
let run: ClientRun;

beforeAll(async () => {
  if (why !== "") return;
  mkdirSync(join(directory, "hosts", "host-00"), { recursive: true });
  writeFileSync(join(directory, "inventory.yaml"), inventoryText);
  const service = new TracedService(directory, ["--inventory", join(directory, "inventory.yaml"), "--log-level", "error"]);
  try {
    await service.start();
    const first = await putLoad(service, { name: "one", small: 40, large: 28 });
    run = await traceClient(service);
    await service.kill();
    await service.start();
    const second = await putLoad(service, { name: "two", small: 24, large: 2 });
    await service.kill();
    const trace = readTraces(service.traces);
    replay = { trace, dataDir: service.dataDir, answered: findAnswers(trace, new Map([...first, ...second])), known: new Map() };
  } finally {
    await service.kill();
  }
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function traceClient({ address, dataDir }: TracedService): Promise<ClientRun> {
  const file = join(directory, "one.yaml");
  writeFileSync(file, WORKFLOW);
  const [trace, stateDir] = [join(directory, "client.trace"), join(directory, "state")];
  const env = { HOLDFAST_ADDR: address, HOLDFAST_DATA: dataDir, HOLDFAST_STATE_DIR: stateDir };
  const printed = await runTracedClient(trace, ["run", file, "--no-wait", "-o", "json"], env);
  return { trace: readTraces([trace]), stateDir, id: String(JSON.parse(printed).id) };
}

async function tell(name: string, cut: Cut): Promise<Outcome> {
  const outcome = await cutPower(replay, cut);
  const { moments, looks, facts, lost, damaged, stillborn } = outcome;
  console.log(
    `power (seed ${SEED}), ${name}: ${moments} moments, ${looks} directories rebuilt, up to ${facts} acknowledged facts, ` +
      `${new Set(lost.map((text) => text.split(",")[0])).size} lost, ${damaged.length} damaged, ${stillborn} unfit before any answer`,
  );
  return outcome;
}

test("the trace accounts for every byte of the data directory", { skip: why !== "" }, () => {
  const disk = dataDisk(replay.dataDir);
  for (const step of replay.trace.steps) disk.take(step);
  const files = [...disk.whole()].filter(([, bytes]) => bytes !== undefined);
  expect(
    files.map(([path]) => path).filter((path) => /\.log$|\.ldb$|MANIFEST|CURRENT|journal-head|tokens\.json/.test(path)).length,
  ).toBeGreaterThan(5);
  for (const [path, bytes] of files) expect(bytes?.equals(readFileSync(path)), path).toBe(true);
});

test("with nothing but synced bytes, at every moment, every acknowledged fact is there", { skip: why !== "" }, async () => {
  const isNew = replay.trace.steps.filter(({ deed }) => deed.kind === "open" && deed.isMade && /journal\/\d+\.log$/.test(deed.path));
  expect(isNew.length, "LevelDB changed its log under load").toBeGreaterThan(STARTS);
  const { lost, damaged, facts, stillborn } = await tell("ext4, nothing unsynced survives", { naming: "ordered", younger: "lost", random });
  expect([lost, damaged, stillborn]).toEqual([[], [], 0]);
  expect(facts).toBe(replay.answered.length);
});

test("the same where a synced file keeps its own name only", { skip: why !== "" }, async () => {
  const { lost, damaged, stillborn } = await tell("btrfs, nothing unsynced survives", {
    naming: "own",
    younger: "lost",
    random,
    every: EVERY,
  });
  expect([lost, damaged, stillborn]).toEqual([[], [], 0]);
});

test("and where any part of what was not synced survives, or turns to zeros", { skip: why !== "" }, async () => {
  for (const younger of ["some", "zeros"] as const) {
    const { lost, damaged, stillborn } = await tell(`ext4, unsynced: ${younger}`, { naming: "ordered", younger, random, count: CUTS });
    expect([lost, damaged, stillborn]).toEqual([[], [], 0]);
  }
});

test("tokens need nothing of the file system but what POSIX says", { skip: why !== "" }, () => {
  const disk = dataDisk(replay.dataDir);
  const tokens = replay.answered.filter(({ fact }) => fact.startsWith("token "));
  const found = temporaryDirectory();
  let looks = 0;
  for (const step of replay.trace.steps) {
    if (step.deed.kind === "sync" || step.deed.kind === "rename") {
      const image = disk.after({ naming: "strict", younger: "lost", random });
      writeImage(new Map([...image].filter(([path]) => path.endsWith("tokens.json"))), replay.dataDir, found);
      const due = tokens.filter(({ at }) => at < step.end).map(({ fact }) => fact);
      expect(tokenFacts(found)).toEqual(expect.arrayContaining(due));
      looks += due.length;
    }
    disk.take(step);
  }
  expect(looks).toBeGreaterThan(tokens.length);
});

test("names that only a directory's sync keeps: counted", { skip: why !== "" || !IS_STRICT }, async () => {
  // LevelDB does not sync the directory when it changes its log under load: docs/journal-format.md says which file systems are asked for.
  await tell("POSIX alone, nothing unsynced survives", { naming: "strict", younger: "lost", random });
});

test("a log whose syncs were forgotten is seen to lose what was acknowledged", { skip: why !== "" }, async () => {
  const half = { ...replay, trace: { ...replay.trace, steps: replay.trace.steps.slice(0, Math.floor(replay.trace.steps.length / 3)) } };
  const isForgotten: Replay["isForgotten"] = ({ deed }) => deed.kind === "sync" && deed.path.endsWith(".log");
  const { lost } = await cutPower({ ...half, isForgotten }, { naming: "ordered", younger: "lost", random });
  expect(lost.length).toBeGreaterThan(10);
});

test("the service goes on from a rebuilt directory", { skip: why !== "" }, async () => {
  const length = replay.trace.steps.length;
  const thawed = new Set(replay.answered.filter(({ fact }) => fact.startsWith("thawed ")).map(({ fact }) => fact.slice(7)));
  for (const at of [0.55, 1]) {
    const daemon = new DaemonFixture({ inventory: inventoryText });
    onTestFinished(() => daemon.remove());
    mkdirSync(join(daemon.directory, "hosts", "host-00"), { recursive: true });
    const loss = { naming: "ordered", younger: "some", random } as const;
    const facts = rebuild(replay, loss, { step: Math.floor(length * at), to: daemon.dataDir });
    await daemon.start();
    const client = connectClient({ address: daemon.address, token: daemon.token, callTimeoutMs: 20_000 });
    expect((await client.verifyJournal({})).damage).toEqual([]);
    const { proof } = await client.getFreezes({});
    for (const text of facts) {
      const [fact = "", id = ""] = text.split(" ");
      if (fact === "token") expect((await client.listTokens({})).tokens.map(({ name }) => name)).toContain(id);
      else if (fact === "frozen" && !thawed.has(id)) expect(proof?.freezes.map(({ id }) => id)).toContain(id);
      else if (id.length === 36) expect(phases(fact), text).toContain((await client.status({ workflow: { id } })).phase);
    }
    await daemon.stop();
  }
});

/** In which phases a workflow may be of which this was acknowledged. */
function phases(fact: string): readonly Phase[] {
  const { SUBMITTED, RUNNING, SUCCEEDED, PAUSED, CANCELLED, FROZEN } = Phase;
  if (fact === "cancelled") return [CANCELLED];
  if (fact === "ended") return [SUCCEEDED];
  if (fact === "paused") return [PAUSED];
  return [RUNNING, SUCCEEDED, PAUSED, FROZEN, ...(fact === "submitted" ? [SUBMITTED, CANCELLED] : [])];
}

test("the client's request is on its disk before Submit leaves, and the ID before Exec leaves", { skip: why !== "" }, async () => {
  for (const naming of ["ordered", "own", "strict"] as const) {
    for (const younger of ["lost", "some", "zeros"] as const) {
      const { lost, submitted, executed, looks } = await cutClientPower(run, { naming, younger, random });
      expect(lost, `${naming} ${younger} (seed ${SEED})`).toEqual([]);
      expect(Math.min(submitted, executed)).toBeGreaterThan(5);
      console.log(`power (seed ${SEED}), client, ${naming} ${younger}: ${looks} moments, 0 lost`);
    }
  }
});

test.each([
  ["files", /\.tmp$/],
  ["its directory", /\/logbook$/],
])("a logbook that did not sync %s is seen to lose the ID", async (_what, path) => {
  if (why !== "") return;
  const isForgotten = ({ deed }: { readonly deed: { readonly kind: string; readonly path?: string } }): boolean =>
    deed.kind === "sync" && path.test(deed.path ?? "");
  const { lost } = await cutClientPower(run, { naming: "strict", younger: "lost", random }, isForgotten);
  expect(lost.length).toBeGreaterThan(0);
});
