// Showing how a workflow moves: a live view on a terminal, plain lines on a pipe, nothing with `-o json`.
// 1. On a pipe a line says that the state changed, not that a task ended; the last line is `ID PHASE succeeded=… failed=… changed=…`.
// 2. The live view is redrawn in place, in one write a frame; the cursor comes back however it ends.

import type { Task, WorkflowStatus } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { HoldKind, Phase } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { phaseName } from "../../internal/sdk/wire-json.ts";
import type { Context } from "./context.ts";
import { endedTasks, frameLines } from "./frame.ts";
import { gravestFirst, waitsText } from "./status-text.ts";

/** Shows a workflow. */
export interface Display {
  update(status: WorkflowStatus): void;
  /** Talk that must not tear the view. */
  note(text: string): void;
  /** Some tasks that did not succeed. */
  problems(tasks: readonly Task[]): void;
  /** Ends the view; the terminal is the caller's again. */
  close(): void;
}

const FRAME_MS = 100;
const TICK_MS = 500;
const RATE_WINDOW_MS = 10_000;
const LINE_MS_MIN = 1_000;
const WAITS_SHOWN_MAX = 3;
const DECIDED: readonly HoldKind[] = [HoldKind.FREEZE, HoldKind.APPROVAL, HoldKind.POLICY, HoldKind.AWAITS];

/** The display that fits where the output goes. */
export function openDisplay(context: Context): Display {
  if (context.out.isJson) return new SilentDisplay(context);
  return context.isLive ? new LiveDisplay(context) : new LineDisplay(context);
}

/** The line that scripts read last: `ID PHASE succeeded=… failed=… changed=…`. */
export function lastLine(status: WorkflowStatus): string {
  const { succeeded = 0, failed = 0, changed = 0 } = status.counts ?? {};
  return `${status.id} ${phaseName(status.phase)} succeeded=${succeeded} failed=${failed} changed=${changed}`;
}

class SilentDisplay implements Display {
  readonly #context: Context;
  constructor(context: Context) {
    this.#context = context;
  }
  update(): void {}
  problems(): void {}
  close(): void {}
  note(text: string): void {
    this.#context.out.talk(text);
  }
}

class LineDisplay implements Display {
  readonly #context: Context;
  #moment = "";
  #saidWaits: readonly HoldKind[] = [];
  #troubleCount = 0;
  #saidMs = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  update(status: WorkflowStatus): void {
    const stage = status.stages.find(({ name }) => name === status.stage);
    const parts = [status.id, phaseName(status.phase)];
    if (stage !== undefined) parts.push(`stage=${stage.name}`);
    if (stage !== undefined && stage.waves > 0) parts.push(`wave=${stage.wave}/${stage.waves}`);
    const moment = parts.join(" ");
    this.#sayWaits(status);
    const { failed = 0, unknown = 0, unreachable = 0, succeeded = 0, tasks = 0 } = status.counts ?? {};
    const troubleCount = failed + unknown + unreachable;
    const nowMs = this.#context.world.clock.nowMs();
    const isNewTrouble = troubleCount !== this.#troubleCount && nowMs - this.#saidMs >= LINE_MS_MIN;
    if (moment === this.#moment && !isNewTrouble) return;
    this.#moment = moment;
    this.#troubleCount = troubleCount;
    this.#saidMs = nowMs;
    this.#context.out.line(
      `${moment} tasks=${tasks} succeeded=${succeeded} failed=${failed} unknown=${unknown} unreachable=${unreachable}`,
    );
  }

  /** What stops it that people or policies decide is said once, when it begins; what comes and goes by itself is not. */
  #sayWaits({ id, phase, waitingFor }: WorkflowStatus): void {
    if (phase === Phase.WAITING) return; // the following ends here, and what it ends with says it
    const holds = gravestFirst(waitingFor).filter(({ kind }) => DECIDED.includes(kind));
    const fresh = holds.filter(({ kind }) => !this.#saidWaits.includes(kind));
    this.#saidWaits = holds.map(({ kind }) => kind);
    for (const hold of fresh.slice(0, WAITS_SHOWN_MAX)) this.#context.out.talk(`${id} ${waitsText(hold)}`);
  }

  note(text: string): void {
    this.#context.out.talk(text);
  }

  problems(): void {}
  close(): void {}
}

class LiveDisplay implements Display {
  readonly #context: Context;
  #status: WorkflowStatus | undefined;
  #problems: readonly Task[] = [];
  #note = "";
  #drawn: readonly string[] = [];
  #drawnColumns = 0;
  #cancelTimer: (() => void) | undefined;
  #samples: { readonly atMs: number; readonly ended: number }[] = [];
  #drawnMs = 0;

  constructor(context: Context) {
    this.#context = context;
    this.#context.world.stdout.write("\u001b[?25l");
  }

  update(status: WorkflowStatus): void {
    this.#status = status;
    this.#note = "";
    this.#schedule();
  }

  note(text: string): void {
    this.#note = text;
    this.#schedule();
  }

  problems(tasks: readonly Task[]): void {
    this.#problems = tasks;
    this.#schedule();
  }

  close(): void {
    this.#cancelTimer?.();
    this.#draw({ isLast: true });
    this.#context.world.stdout.write("\u001b[?25h");
  }

  /** Draws now when the last frame is old enough, else when it is; and again each half second, for clocks and resizes. */
  #schedule(): void {
    const waitedMs = this.#context.world.clock.nowMs() - this.#drawnMs;
    this.#cancelTimer?.();
    if (waitedMs >= FRAME_MS) this.#draw({ isLast: false });
    this.#cancelTimer = this.#context.world.clock.after(waitedMs >= FRAME_MS ? TICK_MS : FRAME_MS - waitedMs, () => {
      this.#drawnMs = 0;
      this.#schedule();
    });
  }

  #draw({ isLast }: { isLast: boolean }): void {
    const status = this.#status;
    if (status === undefined) return;
    const { stdout, clock } = this.#context.world;
    const nowMs = clock.nowMs();
    const { columns, rows } = stdout.size();
    const rate = this.#rate(nowMs, endedTasks(status.counts));
    const view = { status, problems: this.#problems, note: this.#note, nowMs, rate, columns, rows, isColourful: this.#context.isColourful };
    const lines = isLast ? frameLines(view).slice(0, -1) : frameLines(view);
    // A narrower window has wrapped what was drawn: its lines take more rows now.
    const rowsAbove = this.#drawn.reduce((sum, line) => sum + rowsOf(line, columns, this.#drawnColumns), 0);
    const up = rowsAbove > 0 ? `\u001b[${rowsAbove}A` : "";
    stdout.write(`${up}\r${lines.map((line) => `${line}\u001b[K\n`).join("")}\u001b[J`);
    this.#drawn = lines;
    this.#drawnColumns = columns;
    this.#drawnMs = nowMs;
  }

  #rate(nowMs: number, ended: number): number {
    this.#samples.push({ atMs: nowMs, ended });
    this.#samples = this.#samples.filter(({ atMs }) => nowMs - atMs <= RATE_WINDOW_MS);
    const first = this.#samples[0];
    return first === undefined || nowMs <= first.atMs ? 0 : Math.max(0, ((ended - first.ended) * 1_000) / (nowMs - first.atMs));
  }
}

function rowsOf(line: string, columns: number, drawnColumns: number): number {
  if (columns >= drawnColumns) return 1;
  // oxlint-disable-next-line no-control-regex
  const { length } = line.replace(/\u001b\[\d+m/g, "");
  return Math.max(1, Math.ceil(length / columns));
}
