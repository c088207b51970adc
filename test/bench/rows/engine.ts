// The core and the engine alone: what a task costs them on a core, beside the disk, the actions and the calls.
// 1. The floor is protobuf's encoding of the very events that such a task makes: what no way of recording it could do without.
// 2. Time on the core is measured, not time that passed: the ratio holds on a busy machine.

import { toBinary } from "@bufbuild/protobuf";
import type { Event } from "../../../internal/gen/holdfast/v1/event_pb.ts";
import { EventSchema } from "../../../internal/gen/holdfast/v1/event_pb.ts";
import { perCpuSecond } from "../cpu-time.ts";
import { runNoOps } from "../no-op-workflow.ts";
import type { Figure, Row, Scale } from "../row.ts";

const SIZES = {
  full: { repeats: 7, targets: 5_000 },
  quick: { repeats: 5, targets: 2_000 },
} as const;
const ACTIONS = 10;
const PARALLEL = 256;
/** So that the floor takes about as long as what stands on it. */
const ENCODINGS = 5;

/** The row. */
export const row: Row = { name: "engine", title: "The engine alone: no-op tasks, a journal that forgets", measure };

async function measure(scale: Scale): Promise<readonly Figure[]> {
  const { repeats, targets } = SIZES[scale];
  const size = { targets, actions: ACTIONS, parallel: PARALLEL };
  const tasks = targets * ACTIONS;
  const seen: Event[] = [];
  await runNoOps({ ...size, onEvents: (events) => seen.push(...events) }); // warms up, and shows the events
  const events = seen.filter(({ kind }) => kind.case === "attemptStarted" || kind.case === "attemptEnded");
  await runNoOps(size);
  encode(events);
  const values: number[] = [];
  const floor: number[] = [];
  for (let repeat = 0; repeat < repeats; repeat++) {
    floor.push(await perCpuSecond(ENCODINGS * tasks, () => encode(events)));
    values.push(await perCpuSecond(tasks, () => runNoOps(size)));
  }
  const what = "no-op tasks a second of a core";
  return [{ what, unit: "/s", better: "higher", values, floor: { what: "their events encoded", values: floor }, isGuarded: true }];
}

/** All of them, ENCODINGS times over; the sum keeps the work from being seen as useless. */
function encode(events: readonly Event[]): number {
  let sum = 0;
  for (let nth = 0; nth < ENCODINGS; nth++) for (const event of events) sum += toBinary(EventSchema, event).length;
  return sum;
}
