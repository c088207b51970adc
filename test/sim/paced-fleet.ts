// Between the actions of a simulated fleet and its hosts: each call that goes to a host waits for its turn toward an origin, as ssh and http
// requests of the real service do. 1. Nothing of a call happens at its host before its turn, and no change that `mayBegin` keeps back; a look at a former run never waits.
// 2. As over ssh, the attempt's time is not measured anew after the wait; as over http, a turn that does not come in time is given up.

import { HoldfastError } from "../../internal/base/errors.ts";
import type {
  Action,
  ApplyResult,
  AttemptContext,
  CheckResult,
  Clock,
  Failure,
  Pace,
  PreparedAction,
} from "../../internal/engine/ports.ts";
import type { Fleet } from "../fakes/fleet.ts";
import { taskOf } from "./fleet-record.ts";
import type { Turn } from "./invariant.ts";

/** How one kind of action reaches the host of a call. */
export interface Road {
  readonly kind: "ssh" | "http";
  /** What the traffic is paced by. */
  readonly origin: string;
}

/** The outside of one life of the service. */
export interface WayOut {
  readonly pace: Pace;
  readonly clock: Clock;
  readonly life: number;
}

/** What the fleet is paced by. */
interface PacedScene {
  readonly fleet: Fleet;
  /** The way out of the life that runs; undefined: nobody paces. */
  way(): WayOut | undefined;
  /** Undefined: a call that is not paced. */
  roadOf(uses: string, context: AttemptContext): Road | undefined;
  told(turn: Turn): void;
}

/** Puts the pace before the hosts of a fleet. */
export function paceFleet(scene: PacedScene): void {
  const { fleet } = scene;
  const find = fleet.find.bind(fleet);
  const known = new Map<Action, Action>();
  const calls = { count: 0 };
  fleet.find = (uses) => {
    const action = find(uses);
    if (action === undefined) return undefined;
    const parse: Action["parse"] = (raw) => {
      const way = scene.way();
      const prepared = action.parse(raw);
      return way === undefined ? prepared : new PacedAction(scene, { uses, way, calls }).over(prepared);
    };
    const { effects, digest, hasPulse = false, validate } = action;
    const paced = known.get(action) ?? { uses, effects, digest, hasPulse, validate, parse };
    known.set(action, paced);
    return paced;
  };
}

interface Place {
  readonly uses: string;
  readonly way: WayOut;
  /** How many calls of all actions there were: each has a number. */
  readonly calls: { count: number };
}

class PacedAction {
  readonly #scene: PacedScene;
  readonly #place: Place;

  constructor(scene: PacedScene, place: Place) {
    this.#scene = scene;
    this.#place = place;
  }

  over(prepared: PreparedAction): PreparedAction {
    // Only `set` looks at its host before and after; the other checks know without asking anybody that they cannot know.
    const isLooking = this.#place.uses === "set";
    const check = (context: AttemptContext): Promise<CheckResult> =>
      isLooking ? this.#paced("check", context, (own) => prepared.check(own)) : prepared.check(context);
    const apply = (context: AttemptContext, before: string): Promise<ApplyResult> =>
      this.#paced("apply", context, (own) => prepared.apply(own, before));
    return { ...prepared, check, apply };
  }

  #paced<T>(kind: Turn["kind"], context: AttemptContext, work: (context: AttemptContext) => Promise<T>): Promise<T | Failure> {
    const { uses, way, calls } = this.#place;
    const road = this.#scene.roadOf(uses, context);
    if (road === undefined) return work(context);
    calls.count += 1;
    const { workflowId: id, taskKey, attempt } = context;
    const call = { number: calls.count, id, task: taskOf(taskKey), attempt, kind, origin: road.origin, life: way.life };
    const tell = (what: Turn["what"]): void => this.#scene.told({ ...call, what });
    const begin = async (own: AttemptContext): Promise<T | Failure> => {
      if (kind === "apply" && !own.mayBegin()) {
        tell("kept back");
        return { kind: "unbegun", message: "not let go when its turn came" };
      }
      tell("begun");
      const result = await work(own);
      tell("done");
      return result;
    };
    const refused = (): void => tell("refused");
    tell("asked");
    return road.kind === "ssh"
      ? overSsh(way, { origin: road.origin, context, begin, refused })
      : overHttp(way, { origin: road.origin, context, begin, refused });
  }
}

interface Passage<T> {
  readonly origin: string;
  readonly context: AttemptContext;
  begin(context: AttemptContext): Promise<T | Failure>;
  refused(): void;
}

/** As internal/transport/ssh.ts: only an abort ends the wait. */
async function overSsh<T>({ pace }: WayOut, { origin, context, begin, refused }: Passage<T>): Promise<T | Failure> {
  try {
    return await pace.run(origin, () => begin(context), context.signal);
  } catch (error) {
    if (!isCancelled(error)) throw error;
    refused();
    return { kind: "unbegun", message: "cancelled; nothing was started" };
  }
}

/** As internal/action/http-call.ts: the wait is part of the attempt's time. */
async function overHttp<T>({ pace, clock }: WayOut, { origin, context, begin, refused }: Passage<T>): Promise<T | Failure> {
  const { signal, timeoutMs } = context;
  const untilMs = clock.monotonicMs() + timeoutMs;
  const timeLeftMs = (): number => Math.max(1, untilMs - clock.monotonicMs());
  const late = new AbortController();
  const stopClock = clock.after(timeLeftMs(), () => late.abort());
  const work = (): Promise<T | Failure> => {
    stopClock();
    return begin({ ...context, timeoutMs: timeLeftMs() });
  };
  try {
    return await pace.run(origin, work, AbortSignal.any([signal, late.signal]));
  } catch (error) {
    if (!isCancelled(error)) throw error;
    refused();
    if (signal.aborted) return { kind: "unbegun", message: "cancelled before anything was sent" };
    return { kind: "unreachable", message: "nothing was sent: its turn toward the origin did not come in time" };
  } finally {
    stopClock();
  }
}

function isCancelled(error: unknown): boolean {
  return error instanceof HoldfastError && error.code === "CANCELLED";
}
