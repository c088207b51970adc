// One state of the model: what is on the disks, what is in the memories, and what the host has seen. Plain data; every step makes a new one.
// 1. Volatile: `history` beyond `synced`, runners, what a client waits for. A crash or a death leaves the rest.

/** A client that runs the workflow: what is on its disk, and how far the process is. */
export interface Runner {
  readonly disk: "nothing" | "entry" | "id" | "executed" | "over";
  readonly at: "dead" | "idle" | "submitting" | "got-id" | "executing" | "got-exec";
  /** The history that the answer it waits for stands on; undefined: its call was not taken up yet, or it waits for none. */
  readonly answer: number | undefined;
}

/** A person with an emergency stop: places a freeze of everything, sees it answered, and lifts it. */
export interface Stopper {
  readonly at: "idle" | "freezing" | "frozen" | "thawing" | "done";
  readonly answer: number | undefined;
}

/** An attempt that the service runs. */
export interface Attempt {
  readonly task: number;
  readonly attempt: number;
  readonly at: "begin" | "ask" | "asked" | "apply" | "sent" | "applied";
  readonly before: string;
}

/** What the host has seen of a task. */
export interface HostTask {
  /** How often it was changed. */
  readonly changes: number;
  /** Attempts whose command has run to its end, as the shim remembers them. */
  readonly done: readonly number[];
  /** The attempt whose command runs there though the service that sent it is gone. */
  readonly left: number | undefined;
}

/** Everything. */
export interface System {
  readonly isUp: boolean;
  readonly history: number;
  readonly synced: number;
  readonly attempts: readonly Attempt[];
  readonly host: readonly HostTask[];
  readonly runners: readonly Runner[];
  readonly stopper: Stopper | undefined;
  /** Calls whose client has died, and that may still arrive. */
  readonly stray: readonly ("submit" | "exec")[];
  readonly isLate: boolean;
  readonly mayBeLate: boolean;
  readonly crashesLeft: number;
  readonly mayDie: boolean;
  /** Set by the step that broke a rule which no later state shows. */
  readonly wrong: string | undefined;
}

/** Who takes part. */
export interface Cast {
  readonly runners: number;
  readonly hasStopper: boolean;
  readonly crashes: number;
  /** May clients die? */
  readonly mayDie: boolean;
  /** May the submission's time be over? */
  readonly mayBeLate: boolean;
}

/** Before anything. */
export function firstSystem({ runners, hasStopper, crashes, mayDie, mayBeLate }: Cast, history: number): System {
  return {
    isUp: true,
    history,
    synced: history,
    attempts: [],
    host: [0, 1].map(() => ({ changes: 0, done: [], left: undefined })),
    runners: Array.from({ length: runners }, () => ({ disk: "nothing", at: "idle", answer: undefined })),
    stopper: hasStopper ? { at: "idle", answer: undefined } : undefined,
    stray: [],
    isLate: false,
    mayBeLate,
    crashesLeft: crashes,
    mayDie,
    wrong: undefined,
  };
}

/** The list with one element replaced. */
export function replaced<T>(list: readonly T[], index: number, by: T): readonly T[] {
  return list.map((each, at) => (at === index ? by : each));
}
