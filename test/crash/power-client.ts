// The client's disk at a loss of power: when the Submit leaves, the request must be on it; when the Exec leaves, the workflow's ID.
// 1. The calls are found in the client's own trace, by what it sends; every moment of the trace is a cut.

import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Logbook } from "../../internal/sdk/logbook.ts";
import { diskFiles } from "../../internal/sdk/logbook-files.ts";
import { PowerDisk } from "./power-disk.ts";
import type { Loss } from "./power-disk.ts";
import { REBUILT_BELOW, writeImage } from "./power-look.ts";
import type { Step, Trace } from "./power-trace.ts";

/** A traced run of the client. */
export interface ClientRun {
  readonly trace: Trace;
  readonly stateDir: string;
  /** The ID that it printed. */
  readonly id: string;
}

/** What came of the cuts. */
export interface ClientOutcome {
  looks: number;
  /** Moments after which the Submit, or the Exec, had been sent. */
  submitted: number;
  executed: number;
  readonly lost: string[];
}

const CALL = /^POST \/holdfast\.v1\.WorkflowService\/(Submit|Exec) /;

/** Cuts the power before every call of the trace; `isForgotten` calls are taken for not having been made. */
export async function cutClientPower(
  run: ClientRun,
  loss: Loss,
  isForgotten: (step: Step) => boolean = () => false,
): Promise<ClientOutcome> {
  const disk = new PowerDisk((path) => path === run.stateDir || path.startsWith(`${run.stateDir}/`));
  const outcome: ClientOutcome = { looks: 0, submitted: 0, executed: 0, lost: [] };
  let sent = "";
  for (const step of run.trace.steps) {
    const { deed } = step;
    if (deed.kind === "send") sent = CALL.exec(deed.bytes.toString("latin1"))?.[1] ?? sent;
    else if (!deed.path.startsWith(run.stateDir)) continue;
    if (isForgotten(step)) continue;
    if (sent !== "") await look({ disk, loss, run }, { sent, line: step.end }, outcome);
    disk.take(step);
  }
  return outcome;
}

async function look(
  { disk, loss, run }: { disk: PowerDisk; loss: Loss; run: ClientRun },
  { sent, line }: { sent: string; line: number },
  outcome: ClientOutcome,
): Promise<void> {
  const directory = mkdtempSync(join(REBUILT_BELOW, "holdfast-power-"));
  try {
    writeImage(disk.after(loss), run.stateDir, directory);
    const clock = { nowMs: () => 0, after: () => () => undefined };
    const { entries, damaged } = await new Logbook({ stateDirectory: directory, files: diskFiles, clock }).read();
    outcome.looks++;
    outcome[sent === "Submit" ? "submitted" : "executed"]++;
    const isThere = sent === "Submit" ? entries.length === 1 : entries.some(({ id }) => id === run.id);
    if (!isThere) outcome.lost.push(`what ${sent} needs, line ${line}: ${entries.length} entries, ${damaged.length} damaged`);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
