// The reckoning after a run: what clients were promised and what the journal says, against the hosts' own logs.
// 1. Lost: an acknowledged workflow that is unknown; one that was to run and has not ended; a success whose change is not on its host; a change
//    that the record denies. Doubled: a change that was made twice, or an unsafe one that was begun blindly again.
// 2. A fault is neither, and must not be either: a service that ends by itself, work that fails though nothing was wrong with it, a damaged journal.

import type { ShownStatus, ShownTask } from "../scene.ts";
import { doneCounts, doubled } from "./host-log.ts";
import type { HostLine } from "./host-log.ts";

/** Something that may not be. */
export interface Finding {
  readonly kind: "lost" | "doubled" | "fault";
  readonly what: string;
}

/** An entry of the clients' logbook, as far as it is a promise. */
export interface Promised {
  readonly requestId: string;
  readonly id: string | null;
  readonly intent: string;
  readonly end: { readonly phase: string } | null;
}

/** All that is known when everything has come to its end. */
export interface Evidence {
  /** IDs that a client printed. */
  readonly acknowledged: ReadonlySet<string>;
  readonly logbook: readonly Promised[];
  readonly workflows: readonly ShownStatus[];
  /** Tasks by workflow. */
  readonly tasks: ReadonlyMap<string, readonly ShownTask[]>;
  /** Logs by host. */
  readonly logs: ReadonlyMap<string, readonly HostLine[]>;
  /** A file of a host; empty: there is none. */
  readonly read: (host: string, path: string) => string;
  /** The trouble may make work fail for a good reason. */
  readonly mayFail: boolean;
}

const ENDED: ReadonlySet<string> = new Set(["SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED"]);
/** Nothing came of these, and their client was told so. */
const NEVER: ReadonlySet<string> = new Set(["UNREACHED", "REFUSED"]);

/** Everything that is wrong. */
export function reckon(evidence: Evidence): readonly Finding[] {
  const done = new Map([...evidence.logs].map(([host, lines]) => [host, doneCounts(lines)]));
  return [
    ...lostWorkflows(evidence),
    ...evidence.workflows.flatMap((workflow) => lostTasks(evidence, done, workflow)),
    ...[...evidence.logs].flatMap(([host, lines]) => doubled(host, lines).map((what): Finding => ({ kind: "doubled", what }))),
  ];
}

function lostWorkflows({ acknowledged, logbook, workflows, mayFail }: Evidence): readonly Finding[] {
  const phases = new Map(workflows.map(({ id, phase }) => [id, phase]));
  const found: Finding[] = [];
  for (const id of acknowledged) if (!phases.has(id)) found.push({ kind: "lost", what: `${id} was acknowledged and is unknown` });
  for (const { id, requestId, intent, end } of logbook) {
    if (id === null) {
      if (end === null || !NEVER.has(end.phase)) found.push({ kind: "lost", what: `request ${requestId} never became a workflow` });
      else if (end.phase === "REFUSED" && !mayFail) found.push({ kind: "fault", what: `request ${requestId} was refused` });
      continue;
    }
    const phase = phases.get(id);
    if (phase === undefined && !acknowledged.has(id)) found.push({ kind: "lost", what: `${id} is in the logbook and is unknown` });
    if (phase !== undefined && intent === "exec" && !ENDED.has(phase))
      found.push({ kind: "lost", what: `${id} was to run and is ${phase}` });
  }
  for (const { id, phase } of workflows)
    if (ENDED.has(phase) && phase !== "SUCCEEDED" && !mayFail) found.push({ kind: "fault", what: `${id} is ${phase}` });
  return found;
}

function lostTasks(
  { tasks, read, mayFail }: Evidence,
  done: ReadonlyMap<string, ReadonlyMap<string, number>>,
  { id, phase }: ShownStatus,
): readonly Finding[] {
  const found: Finding[] = [];
  for (const { stage, action, target, outcome, changed, error } of tasks.get(id) ?? []) {
    const at = `${id} ${stage}/${action}@${target}`;
    const count = done.get(target)?.get(`${id} ${stage}/${action}`) ?? 0;
    const isUnsafe = /^(once|fix)/.test(action);
    if (outcome === "SUCCEEDED") {
      const mustBeThere = (isUnsafe && changed) || action.startsWith("mark");
      if (mustBeThere && count === 0) found.push({ kind: "lost", what: `${at} succeeded, and its change is not there` });
      if (action.startsWith("conf") && read(target, `${id}-${stage}-${action}`) !== `${target}\n`)
        found.push({ kind: "lost", what: `${at} succeeded, and its file is not there` });
    } else if (ENDED.has(phase)) {
      if (isUnsafe && count > 0) found.push({ kind: "lost", what: `${at} is ${outcome}, and its change is there` });
      if (outcome === "FAILED" && !mayFail) found.push({ kind: "fault", what: `${at} failed: ${error}` });
    }
  }
  return found;
}
