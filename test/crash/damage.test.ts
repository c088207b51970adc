// Damage on the disk: torn, flipped, zeroed and missing bytes in every kind of file that the service or the client keeps. Whatever is not harmless is
// named, by `journal verify` and by the service, and no workflow is shown as sound that is not.
// DAMAGE_RUNS: how many damages (default 78: each kind and way three times). DAMAGE_SHOW=1 shows what was found. HOLDFAST_SEED.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { seq, WorkflowId, workflowStream } from "../../internal/base/ids.ts";
import { openJournal } from "../../internal/journal/open-journal.ts";
import { DaemonFixture } from "../e2e/daemon.ts";
import { Script } from "../e2e/script.ts";
import { seededRandom } from "../fakes/fake-ids.ts";
import { damage, damageOf } from "./damage-kinds.ts";
import type { Damage } from "./damage-kinds.ts";
import type { Probe } from "./damage-prober.ts";
import { DamageTable, judge } from "./damage-verdict.ts";
import type { Verdict } from "./damage-verdict.ts";
import { putLoad } from "./power-load.ts";
import { REBUILT_BELOW } from "./power-look.ts";

const SEED = Number(process.env["HOLDFAST_SEED"] ?? 7);
const RUNS = Number(process.env["DAMAGE_RUNS"] ?? 78);
const IS_SHOWN = process.env["DAMAGE_SHOW"] === "1";
const BAD: readonly Verdict[] = ["UNWORDED", "SILENT", "WRONG"];
const PROBER = join(import.meta.dirname, "damage-prober.ts");
const WORKFLOW = 'name: one\nstages: [{ name: s, actions: [{ name: a, uses: assert, with: { that: "true" } }] }]\n';

const base = mkdtempSync(join(REBUILT_BELOW, "holdfast-damage-"));
const original = join(base, "original");
const older = join(base, "older");
const subject = join(base, "subject.json");

/** A prober, which is replaced when LevelDB has aborted it. */
class Prober {
  #child: ReturnType<typeof spawnProber> | undefined;

  async probe(directory: string): Promise<Probe | "aborted"> {
    this.#child ??= spawnProber();
    const { child, lines } = this.#child;
    child.stdin.write(`${directory}\n`);
    const { value, done } = await lines.next();
    if (done !== true) {
      const answer: Probe = JSON.parse(value);
      if (answer.served.kind === "ended") await this.end();
      return answer;
    }
    this.#child = undefined;
    if (child.signalCode === null && child.exitCode === null) await once(child, "close");
    if (child.signalCode !== "SIGABRT" && child.signalCode !== "SIGSEGV" && child.signalCode !== "SIGBUS")
      throw new Error(`the prober ended with ${child.exitCode ?? child.signalCode}`);
    return "aborted";
  }

  async end(): Promise<void> {
    const child = this.#child?.child;
    this.#child = undefined;
    if (child === undefined) return;
    const closed = once(child, "close");
    child.stdin.end();
    await closed;
  }
}

function spawnProber() {
  const child = spawn(process.execPath, [PROBER, subject], {
    stdio: ["pipe", "pipe", IS_SHOWN ? "inherit" : "ignore"],
  });
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

beforeAll(async () => {
  const daemon = new DaemonFixture({});
  try {
    // Three lives: what the first two wrote is in tables, what the last one wrote is in the log.
    for (const life of ["one", "two", "three"]) {
      await daemon.start();
      await putLoad(daemon, { name: life, small: 12, large: 0 });
      if (life === "three") await runClient(daemon);
      await daemon.kill();
      if (life === "two") cpSync(daemon.dataDir, older, { recursive: true });
    }
    mkdirSync(original);
    cpSync(daemon.dataDir, join(original, "data"), { recursive: true });
    cpSync(join(daemon.directory, "state"), join(original, "state"), { recursive: true });
  } finally {
    await daemon.remove();
  }
  writeFileSync(subject, JSON.stringify(await eventCounts()));
});

afterAll(() => rmSync(base, { recursive: true, force: true }));

async function runClient(daemon: DaemonFixture): Promise<void> {
  const script = new Script(daemon);
  const { code, stderr } = await script.run("run", script.file("one.yaml", WORKFLOW), "--no-wait");
  if (code !== 0) throw new Error(stderr);
}

async function eventCounts(): Promise<Record<string, number>> {
  const copy = join(base, "counted");
  cpSync(join(original, "data"), copy, { recursive: true });
  const journal = await openJournal(copy, { onFatal: () => undefined, nowMs: Date.now, isReadOnly: true });
  const counts: Record<string, number> = {};
  for (const { status } of await journal.listRecords({ namespace: "default", limit: 1_000 })) {
    let count = 0;
    for await (const { events } of journal.readFrames(workflowStream(WorkflowId.parse(status.id)), { afterSeq: seq(0) }))
      count += events.length;
    counts[status.id] = count;
  }
  await journal.close();
  return counts;
}

async function probeCopy(
  prober: Prober,
  change: (directory: string) => Damage | undefined,
): Promise<{ readonly done: Damage | undefined; readonly found: Probe | "aborted" }> {
  const directory = mkdtempSync(join(base, "copy-"));
  cpSync(original, directory, { recursive: true });
  const done = change(directory);
  const found = await prober.probe(directory);
  rmSync(directory, { recursive: true });
  return { done, found };
}

test(`${RUNS} damages are harmless or named, and nothing unsound is served (seed ${SEED})`, { timeout: 3_600_000 }, async () => {
  const prober = new Prober();
  const { found: whole } = await probeCopy(prober, () => undefined);
  if (whole === "aborted") throw new Error("the whole directory cannot be looked at");
  expect(judge(whole, whole)).toBe("harmless");
  const table = new DamageTable();
  const bad: { readonly verdict: Verdict; readonly done: Damage | undefined; readonly found: unknown }[] = [];
  const random = seededRandom(SEED);
  for (let run = 0; run < RUNS; run++) {
    const { kind, hurt } = damageOf(run);
    const { done, found } = await probeCopy(prober, (directory) => damage(directory, { kind, hurt }, random));
    const verdict = judge(whole, found);
    table.add(kind, hurt, verdict);
    // What lies outside the journal is named by who reads it: the tokens by the service.
    const isNamed = verdict !== "service" || kind === "tokens";
    if (BAD.includes(verdict) || !isNamed) bad.push({ verdict, done, found: IS_SHOWN ? found : "" });
  }
  await prober.end();
  console.log(`damage (seed ${SEED}), ${RUNS} runs\n${table.toString()}`);
  for (const item of bad) console.log(JSON.stringify(item).slice(0, IS_SHOWN ? 4_000 : 1_500));
  expect(bad.map(({ verdict, done }) => `${verdict} ${done?.kind} ${done?.hurt}`)).toEqual([]);
});

test("a journal that was put back whole, with its head file, is seen by these eyes, and by verify only with --head", async () => {
  const prober = new Prober();
  const { found: whole } = await probeCopy(prober, () => undefined);
  const { found: back } = await probeCopy(prober, (directory) => {
    rmSync(join(directory, "data"), { recursive: true });
    cpSync(older, join(directory, "data"), { recursive: true });
    return undefined;
  });
  await prober.end();
  if (whole === "aborted" || back === "aborted") throw new Error("the directories cannot be looked at");
  expect(back.verify.code).toBe(0);
  expect(["WRONG", "both"]).toContain(judge(whole, back)); // workflows of the last life are unknown
  expect(judge(whole, { ...whole, rows: "others" })).toBe("SILENT");
  expect(judge(whole, { ...whole, verify: { code: -1, text: "" } })).toBe("UNWORDED");
});
