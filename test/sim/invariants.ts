// The table of the invariants that a run keeps: each with its keeper, and what it says in one line.

import { DiskFirst } from "./h3-disk-first.ts";
import { FeedKeeper } from "./feed-keeper.ts";
import { FrozenScope } from "./h6-frozen-scope.ts";
import { GuardWithTurn } from "./h7-guard-with-turn.ts";
import type { Invariant } from "./invariant.ts";
import { NothingLost } from "./h1-nothing-lost.ts";
import { NothingTwice } from "./h2-nothing-twice.ts";
import { OneWriter } from "./h5-one-writer.ts";
import { ReplayKept } from "./h4-replay.ts";
import type { Clock } from "../../internal/engine/ports.ts";
import type { Target } from "../../internal/gen/holdfast/v1/workflow_pb.ts";

/** Each invariant by the name that a violation of it begins with. */
export const INVARIANTS: Readonly<Record<string, string>> = {
  "H1 lost": "what was acknowledged is durable when it is answered, and survives every crash",
  "H2 done twice": "a succeeded task does not run again, a failed one only by its retry rule or a Retry, and no host is changed twice",
  "H3 ahead of the disk": "no answer, watcher or call at a host tells of more than is durable; watchers see every event once, in order",
  "H4 decided again": "an event leads to the same status in every life of the service, and in a replay",
  "H5 two writers": "streams have no gap and one writer, few turns are in flight, one attempt of a task runs at a time",
  "H6 scope moved": "targets are chosen once, from the inventory, sorted and digested; calls go to targets as they were frozen",
  "H7 guard apart": "the guard takes for a workflow only in its own turn, and who ends holds nothing in the same entry",
  feed: "what is told to the outside is every event, each workflow's in order, the same from every place, and every wait for a person",
  pace: "work toward an origin goes on no wider and starts no closer than the pace lets it; what was let go of before its turn touched nothing",
};

/** The keepers of one run. */
export interface Keepers {
  readonly kept: NothingLost;
  readonly replays: ReplayKept;
  readonly scope: FrozenScope;
  readonly feed: FeedKeeper;
  readonly all: readonly Invariant[];
}

/** New keepers; `pace` is undefined where nothing is paced. */
export function newKeepers(clock: Clock, pace: Invariant | undefined, isInInventory: (target: Target) => boolean): Keepers {
  const [kept, replays, scope] = [new NothingLost(), new ReplayKept(), new FrozenScope(clock, isInInventory)];
  const feed = new FeedKeeper();
  const all = [kept, new NothingTwice(), new DiskFirst(), replays, new OneWriter(), scope, new GuardWithTurn(), feed];
  return { kept, replays, scope, feed, all: pace === undefined ? all : [...all, pace] };
}
