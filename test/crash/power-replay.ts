// Cuts the power in a trace, rebuilds the directory, and holds what it knows against what had been acknowledged by then.
// 1. An answer counts from the beginning of the call that sends it: from then on somebody may have it.
// 2. Where everything young is lost, the disk only changes when a sync ends. So one look before the end of each sync, with all answers up to it,
//    stands for every moment since the sync before.

import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { PowerDisk } from "./power-disk.ts";
import type { Image, Loss, Naming, Younger } from "./power-disk.ts";
import type { Acknowledged } from "./power-load.ts";
import { lookAt, REBUILT_BELOW, writeImage } from "./power-look.ts";
import type { Survivor } from "./power-look.ts";
import type { Step, Trace } from "./power-trace.ts";

/** A fact, and from which line of the trace on it is acknowledged. */
export interface Answered {
  readonly at: number;
  readonly fact: string;
}

/** What is replayed. */
export interface Replay {
  readonly trace: Trace;
  readonly dataDir: string;
  readonly answered: readonly Answered[];
  /** Calls that are taken for not having been made. */
  readonly isForgotten?: (step: Step) => boolean;
  /** What was found in directories that were rebuilt before, by a digest of them. */
  readonly known: Map<string, Survivor>;
}

/** How the power is cut. */
export interface Cut {
  readonly naming: Naming;
  readonly younger: Younger;
  readonly random: () => number;
  /** So many moments by lot; every moment when it is left out. */
  readonly count?: number;
  /** Of all moments, looks at those before every so manieth sync. Default: every one. */
  readonly every?: number;
}

/** What came of it. */
export interface Outcome {
  /** Moments at which the power was cut, and directories that were rebuilt for them. */
  moments: number;
  looks: number;
  /** The most facts that were acknowledged at one of them. */
  facts: number;
  /** `fact, line`: acknowledged and not there. */
  readonly lost: string[];
  /** Damage that verify names after something was acknowledged. */
  readonly damaged: string[];
  /** Directories of a first start that cannot be opened: nothing had been acknowledged. */
  stillborn: number;
}

const ID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

/** Finds each answer in the trace; throws for one that is not there. */
export function findAnswers(trace: Trace, acknowledged: Acknowledged): readonly Answered[] {
  const open = new Map([...acknowledged].map(([text, facts]) => [text, [...facts]]));
  const found: Answered[] = [];
  for (const { begin, deed } of trace.steps) {
    if (deed.kind !== "send") continue;
    const sent = deed.bytes.toString("latin1");
    for (const [text, facts] of open) {
      if (!sent.includes(text)) continue;
      const fact = facts.shift();
      if (fact !== undefined) found.push({ at: begin, fact });
      if (facts.length === 0) open.delete(text);
    }
  }
  if (open.size > 0) throw new Error(`the trace shows no answer for ${[...open.values()].flat().join(", ")}`);
  return found;
}

/** The disk under a data directory; what lies in `runs` belongs to the targets. */
export function dataDisk(dataDir: string): PowerDisk {
  return new PowerDisk((path) => (path === dataDir || path.startsWith(`${dataDir}/`)) && !path.startsWith(`${dataDir}/runs`));
}

/** Cuts the power at all moments, or at some. */
export async function cutPower(replay: Replay, cut: Cut): Promise<Outcome> {
  const { trace, dataDir, isForgotten = () => false } = replay;
  const outcome: Outcome = { moments: 0, looks: 0, facts: 0, lost: [], damaged: [], stillborn: 0 };
  const disk = dataDisk(dataDir);
  const wanted = cut.count === undefined ? undefined : moments(trace.steps.length, cut.count, cut.random);
  let syncs = 0;
  for (const [index, step] of trace.steps.entries()) {
    if (isForgotten(step)) continue;
    if (step.deed.kind === "sync") syncs++;
    const isDue = wanted === undefined ? step.deed.kind === "sync" && syncs % (cut.every ?? 1) === 0 : wanted.has(index);
    if (isDue) await look(replay, disk.after(cut), step.end, outcome);
    disk.take(step);
    outcome.moments += wanted === undefined || isDue ? 1 : 0;
  }
  await look(replay, disk.after(cut), trace.length, outcome);
  return outcome;
}

/** Rebuilds the directory of one moment for a service to start on; gives the facts that it must know. */
export function rebuild(replay: Replay, loss: Loss, options: { readonly step: number; readonly to: string }): readonly string[] {
  const disk = dataDisk(replay.dataDir);
  for (const step of replay.trace.steps.slice(0, options.step)) disk.take(step);
  writeImage(disk.after(loss), replay.dataDir, options.to);
  const line = replay.trace.steps[options.step]?.begin ?? replay.trace.length;
  return replay.answered.filter(({ at }) => at < line).map(({ fact }) => fact);
}

async function look(replay: Replay, image: Image, line: number, outcome: Outcome): Promise<void> {
  const facts = replay.answered.filter(({ at }) => at < line).map(({ fact }) => fact);
  const digest = digestOf(image);
  const known = replay.known.get(digest);
  const survivor = known ?? (await rebuiltAndRead(replay, image));
  replay.known.set(digest, survivor);
  if (known === undefined) outcome.looks++;
  outcome.facts = Math.max(outcome.facts, facts.length);
  for (const fact of facts) if (!survivor.facts.has(fact)) outcome.lost.push(`${fact}, line ${line}`);
  if (survivor.damage.length === 0) return;
  if (facts.length === 0) outcome.stillborn++;
  else outcome.damaged.push(...survivor.damage.map((text) => `${text}, line ${line}`));
}

async function rebuiltAndRead({ answered, dataDir }: Replay, image: Image): Promise<Survivor> {
  const ids = new Set(answered.map(({ fact }) => fact.slice(fact.indexOf(" ") + 1)).filter((id) => ID.test(id)));
  const directory = mkdtempSync(join(REBUILT_BELOW, "holdfast-power-"));
  try {
    writeImage(image, dataDir, directory);
    return await lookAt(directory, [...ids]);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The same for directories in which the same would be found: LevelDB writes its LOG for people only. */
function digestOf(image: Image): string {
  const hash = createHash("sha256");
  for (const path of [...image.keys()].filter((name) => !/\/LOG(?:\.old)?$|service\.json/.test(name)).sort())
    hash
      .update(`${path}\n`)
      .update(image.get(path) ?? "")
      .update("\n");
  return hash.digest("hex");
}

function moments(length: number, count: number, random: () => number): ReadonlySet<number> {
  return new Set(Array.from({ length: count }, () => Math.floor(random() * length)));
}
