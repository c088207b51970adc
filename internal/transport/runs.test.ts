import { expect, test } from "vitest";
import { systemClock } from "../system/clock.ts";
import type { Exchange } from "./exchange.ts";
import type { Far } from "./far.ts";
import { runAt } from "./runs.ts";

const PORTS = { clock: systemClock, graceMs: 10, closed: new AbortController().signal };
const COMMAND = {
  run: { taskKey: "k", attempt: 1 },
  argv: ["true"],
  env: {},
  timeoutMs: 5_000,
  outputBytesMax: 100,
  signal: new AbortController().signal,
};

/** A target that answers the run with the first of these, and the looks with the others. */
function aFar(...answers: readonly Exchange[]): Far {
  const left = [...answers];
  return {
    place: "target h0",
    origin: "h0",
    base: "",
    cwd: "",
    isRemote: true,
    refusal: async () => undefined,
    call: async () => left.shift() ?? { kind: "lost", isSent: false, message: "nobody is there", boot: "" },
  };
}

const lostIn = (boot: string): Exchange => ({ kind: "lost", isSent: true, message: "the line is dead", boot });
const absentIn = (boot: string, hasBegun = false): Exchange => ({ kind: "reply", reply: { kind: "absent", hasBegun }, boot });

test("a run that was lost and left no mark never began, where the machine is still up", async () => {
  const result = await runAt(aFar(lostIn("b1"), absentIn("b1")), COMMAND, PORTS);
  expect(result).toMatchObject({ kind: "unreachable", message: expect.stringContaining("nothing was started: the line is dead") });
});

test.each([
  { name: "the machine was started anew", answers: [lostIn("b1"), absentIn("b2")] },
  { name: "the machine does not number its boots", answers: [lostIn(""), absentIn("")] },
  { name: "the machine numbered its boots only before", answers: [lostIn("b1"), absentIn("")] },
  { name: "the run had left its mark", answers: [lostIn("b1"), absentIn("b1", true)] },
])("nobody can say whether a run that was lost had begun: $name", async ({ answers }) => {
  // The mark is not synced: a power failure may have taken it away, and what is unsafe would be done twice.
  expect(await runAt(aFar(...answers), COMMAND, PORTS)).toMatchObject({ kind: "unknown", message: expect.stringContaining("look there") });
});
