// What an attempt may ask of its workflow: its state, the ports, and to have something written down.
// 1. An attempt changes no state; it posts commands, and acts on what is on disk.

import type { Command } from "../workflow/commands.ts";
import type { WorkflowState } from "../workflow/state.ts";
import type { EnginePorts } from "./ports.ts";

/** The workflow of an attempt. */
export interface AttemptHost {
  readonly state: WorkflowState;
  readonly ports: EnginePorts;
  /** The number of the last event on disk. */
  readonly durableSeq: number;
  /** True when a freeze stops the task now, as the guard and the file FREEZE say at this moment. */
  isFrozen(task: number): boolean;
  /** True when a freeze says that what runs of the task is to be ended. */
  isAborted(task: number): boolean;
  /** Resolves when the command's events are on disk. */
  post(command: Command): Promise<void>;
}
