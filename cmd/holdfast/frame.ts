// The live view of one workflow as lines of text: pure, so that every frame can be tested.
// 1. A frame never has more columns or rows than it is given. 2. Failed and unknown are always in view, zero or not.

import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Task, TaskCounts, WorkflowStatus } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { Phase, StagePhase } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { formatDurationMs } from "../../internal/sdk/duration.ts";
import { outcomeName, phaseName } from "../../internal/sdk/wire-json.ts";
import { cut, plain } from "./plain-text.ts";
import { gravestFirst, waitsText } from "./status-text.ts";

/** All that a frame shows. */
export interface View {
  readonly status: WorkflowStatus;
  /** Some tasks that did not succeed. */
  readonly problems: readonly Task[];
  /** A line of talk, such as that the service is away; empty: none. */
  readonly note: string;
  readonly nowMs: number;
  /** Tasks that ended per second, lately. */
  readonly rate: number;
  readonly columns: number;
  readonly rows: number;
  readonly isColourful: boolean;
}

type Colour = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

const SGR: Readonly<Record<Colour, number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 };
const BAR_COLUMNS_MAX = 40;

/** The lines of a frame. */
export function frameLines(view: View): readonly string[] {
  const { status, columns, rows, note } = view;
  const lines: (readonly [text: string, colour: Colour | undefined])[] = [
    [headLine(view), "bold"],
    [stageLine(view), undefined],
    [barLine(view), "cyan"],
    [countsLine(status.counts), isTroubled(status.counts) ? "red" : undefined],
    ...view.problems.map((task) => [problemLine(task), "red"] as const),
    ...waitsLines(status).map((text) => [text, status.phase === Phase.FROZEN ? "red" : "yellow"] as const),
    ...(note === "" ? [] : [[`! ${note}`, "yellow"] as const]),
    ["Ctrl-C detaches; the workflow goes on", "dim"],
  ];
  return lines.slice(0, Math.max(1, rows - 1)).map(([text, colour]) => painted(cut(plain(text), columns - 1), colour, view.isColourful));
}

/** What it waits for in one line, the gravest first; a frozen workflow says so even when the service gives no reason. */
function waitsLines({ phase, waitingFor }: WorkflowStatus): readonly string[] {
  const [first, ...more] = gravestFirst(waitingFor);
  if (first === undefined) return phase === Phase.FROZEN ? ['  FROZEN; see "holdfast freeze --status"'] : [];
  return [`  ${waitsText(first)}${more.length === 0 ? "" : `; and for ${more.length} more`}`];
}

/** One task that did not succeed, in one line. */
export function problemLine(task: Task): string {
  const target = task.target === "" ? "" : `@${task.target}`;
  return `  ${outcomeName(task.outcome).toLowerCase()} ${task.stage}/${task.action}${target}: ${task.error === "" ? "no reason given" : task.error}`;
}

/** Tasks that have ended, one way or another. */
export function endedTasks(counts: TaskCounts | undefined): number {
  return counts === undefined ? 0 : counts.tasks - counts.running - counts.waiting - counts.unknown;
}

function headLine({ status, nowMs }: View): string {
  const start = status.executedAt ?? status.submittedAt;
  const endMs = status.endedAt === undefined ? nowMs : timestampMs(status.endedAt);
  const elapsed = start === undefined ? "" : formatDurationMs(endMs - timestampMs(start));
  return [status.name, phaseName(status.phase), elapsed, status.key, status.id].filter((part) => part !== "").join("  ");
}

function stageLine({ status, nowMs }: View): string {
  const index = status.stages.findIndex((stage) => stage.name === status.stage);
  const stage = status.stages[index];
  if (stage === undefined)
    return `${status.stages.filter(({ phase }) => phase === StagePhase.SUCCEEDED).length} of ${status.stages.length} stages done`;
  const parts = [`stage ${stage.name} ${index + 1}/${status.stages.length}`];
  if (stage.waves > 0) parts.push(`wave ${stage.wave}/${stage.waves}`);
  if (stage.targets > 0) parts.push(`${stage.targets} targets`, `${status.targetsInFlight} in flight`, `${status.targetsAtRisk} at risk`);
  if (stage.nextWaveAt !== undefined) parts.push(`next wave in ${formatDurationMs(timestampMs(stage.nextWaveAt) - nowMs)}`);
  return parts.join(" · ");
}

function barLine({ status, rate, columns }: View): string {
  const tasks = status.counts?.tasks ?? 0;
  const ended = endedTasks(status.counts);
  const share = tasks === 0 ? 0 : ended / tasks;
  const left = tasks - ended;
  const eta = rate > 0 && left > 0 ? `  about ${formatDurationMs((left / rate) * 1_000)} left` : "";
  const text = `${String(Math.floor(share * 100)).padStart(3)}%  ${ended}/${tasks} tasks  ${rate.toFixed(1)}/s${eta}`;
  const width = Math.min(BAR_COLUMNS_MAX, columns - 1 - text.length - 3);
  if (width < 5) return text;
  const full = Math.floor(share * width);
  return `[${"█".repeat(full)}${"░".repeat(width - full)}] ${text}`;
}

function countsLine(counts: TaskCounts | undefined): string {
  if (counts === undefined) return "";
  const { changed, unchanged, failed, unknown, unreachable, skipped, running, waiting, cancelled } = counts;
  const rest = Object.entries({ unreachable, skipped, cancelled }).filter(([, count]) => count > 0);
  const shown = [...Object.entries({ failed, unknown, changed, unchanged, running, waiting }), ...rest];
  return shown.map(([name, count]) => `${name} ${count}`).join(" · ");
}

function isTroubled(counts: TaskCounts | undefined): boolean {
  return counts !== undefined && counts.failed + counts.unknown + counts.unreachable > 0;
}

function painted(text: string, colour: Colour | undefined, isColourful: boolean): string {
  return colour === undefined || !isColourful ? text : `\u001b[${SGR[colour]}m${text}\u001b[0m`;
}
