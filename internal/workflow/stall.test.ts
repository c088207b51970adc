import { expect, test } from "vitest";
import { Drill } from "../../test/fakes/drill.ts";
import { AttemptOutcome } from "../gen/holdfast/v1/event_pb.ts";
import { Phase } from "../gen/holdfast/v1/status_pb.ts";
import { phaseOf } from "./status.ts";

/** Locks of h0: a. Of h1: a and x. Of h2: x. Of h3: b. */
const LOCKS = [
  "${{ target.name == 'h3' ? 'b' : target.name == 'h2' ? 'x' : 'a' }}",
  "${{ target.name == 'h3' ? 'b' : target.name == 'h0' ? 'a' : 'x' }}",
];

/** h0 is unknown after it began to change, and these wait for locks, in this order. */
function waiting(...targets: readonly number[]): Drill {
  const stage = { name: "fix", over: { targets: true }, locks: LOCKS, actions: [{ name: "apply", uses: "set" }] };
  const drill = new Drill({ targets: 4, definition: { name: "w", targets: { where: "true" }, stages: [stage] } });
  drill.exec();
  drill.startApply(0);
  for (const target of targets) {
    drill.lockedTargets.add(`h${target}`);
    drill.startApply(target);
  }
  for (const target of [1, 2, 3]) if (!targets.includes(target)) drill.end(target, AttemptOutcome.UNCHANGED);
  drill.end(0, AttemptOutcome.UNKNOWN);
  return drill;
}

test("who waits for the lock of an unknown target of its own workflow waits for a person", () => {
  expect(phaseOf(waiting(1).state)).toBe(Phase.WAITING);
});

test("who stands in line behind one that waits for an unknown target waits for a person too, as far as they share a key", () => {
  expect(phaseOf(waiting(1, 2).state)).toBe(Phase.WAITING);
  // Before it in the line, it waits for somebody else: it goes on by itself.
  expect(phaseOf(waiting(2, 1).state)).toBe(Phase.RUNNING);
});

test("while somebody else's lock is waited for the workflow goes on by itself, until that one has ended", () => {
  const drill = waiting(1, 3);
  expect(phaseOf(drill.state)).toBe(Phase.RUNNING);
  drill.lockedTargets.delete("h3");
  expect(drill.follow()).toEqual(["attemptStarted h3/apply"]);
  drill.change(3);
  expect(phaseOf(drill.state)).toBe(Phase.WAITING);
});

test("a target that is unknown and holds no lock, for it never began to change, keeps nobody waiting", () => {
  const drill = new Drill({
    targets: 2,
    definition: {
      name: "w",
      targets: { where: "true" },
      stages: [{ name: "fix", over: { targets: true }, locks: ["a"], actions: [{ name: "apply", uses: "set" }] }],
    },
  });
  drill.exec();
  drill.lockedTargets.add("h1");
  drill.startApply(1);
  drill.end(0, AttemptOutcome.UNKNOWN);
  expect(phaseOf(drill.state)).toBe(Phase.RUNNING);
});
