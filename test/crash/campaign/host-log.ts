// What a host's own log says was done to it, and what of that was done twice.
// 1. The log knows nothing of the service's journal: it is the other witness.

/** A line of a host's log. */
export interface HostLine {
  readonly said: "begun" | "done" | "failed" | "stopped";
  readonly isUnsafe: boolean;
  readonly workflow: string;
  readonly stage: string;
  readonly action: string;
}

/** Reads a log; a line that is none of these is told by a throw, for then the witness is no good. */
export function readHostLog(text: string): readonly HostLine[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [said = "", effects = "", workflow = "", stage = "", action = ""] = line.split(" ");
      if (said !== "begun" && said !== "done" && said !== "failed" && said !== "stopped") throw new Error(`a host wrote: ${line}`);
      return { said, isUnsafe: effects === "unsafe", workflow, stage, action };
    });
}

/** How often each task's change was made, by "WORKFLOW STAGE/ACTION". */
export function doneCounts(lines: readonly HostLine[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { said, workflow, stage, action } of lines) {
    const task = `${workflow} ${stage}/${action}`;
    if (said === "done") counts.set(task, (counts.get(task) ?? 0) + 1);
  }
  return counts;
}

/** The last word of a task on its host. */
export function lastWord(lines: readonly HostLine[], task: Pick<HostLine, "workflow" | "stage" | "action">): HostLine["said"] | undefined {
  const { workflow, stage, action } = task;
  return lines.findLast((line) => line.workflow === workflow && line.stage === stage && line.action === action)?.said;
}

/**
 * What was done twice: anything that begins or is done after it was done; an unsafe action that begins again though nobody knows how it ended
 * the first time. What failed or was stopped before its change may begin again.
 */
export function doubled(host: string, lines: readonly HostLine[]): readonly string[] {
  const last = new Map<string, HostLine["said"]>();
  const found: string[] = [];
  for (const { said, isUnsafe, workflow, stage, action } of lines) {
    const task = `${workflow} ${stage}/${action}@${host}`;
    const before = last.get(task);
    if (before === "done") found.push(`${task}: ${said} after it was done`);
    else if (isUnsafe && said === "begun" && before === "begun") found.push(`${task}: begun again, and nobody knew how it had ended`);
    last.set(task, before === "done" ? "done" : said);
  }
  return found;
}
