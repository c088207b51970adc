import { expect, test } from "vitest";
import { AttemptOutcome } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { FakeClock } from "../fakes/fake-clock.ts";
import { Chance } from "./chance.ts";
import { EntryWriter, ID, applied, hostCall, started, submitted } from "./invariant-entries.ts";
import type { Turn } from "./invariant.ts";
import { INVARIANTS } from "./invariants.ts";
import { fencedPace } from "./fenced-ports.ts";
import { Life } from "./life.ts";
import { PaceKeeper, noPaceCounts } from "./pace-keeper.ts";
import { aScenario } from "./scenario.ts";
import { SeededPace } from "./seeded-pace.ts";
import type { PaceTerms } from "./seeded-pace.ts";
import { Simulation } from "./simulation.ts";

const CHANGED = { case: "attemptEnded", value: { task: 0, attempt: 1, outcome: AttemptOutcome.CHANGED } } as const;
const CANCELLED = { case: "attemptEnded", value: { task: 0, attempt: 1, outcome: AttemptOutcome.CANCELLED } } as const;
const never = new AbortController().signal;

/** A keeper, with one attempt that is durable and applying, and its turns by what became of them. */
function kept(terms: Partial<PaceTerms> = {}, isFrozen = false) {
  const clock = new FakeClock();
  const keeper = new PaceKeeper(clock, { concurrentMax: 1, startIntervalMs: 0, ...terms }, () => isFrozen);
  const writer = new EntryWriter();
  keeper.durable(writer.entry([submitted(), { case: "workflowExecuted", value: {} }, started(0), applied(0), started(1), applied(1)]));
  const turn = (what: Turn["what"], parts: Partial<Turn> = {}): void =>
    keeper.paced({ number: 1, id: ID, task: 0, attempt: 1, kind: "apply", origin: "ssh h0", life: 1, what, ...parts });
  return { clock, keeper, writer, turn };
}

function finds(work: () => void): void {
  expect(INVARIANTS["pace"]).toBeDefined();
  expect(work).toThrow(/^pace: /);
}

test("what waits, begins and ends in its turn is no finding", () => {
  const { clock, keeper, writer, turn } = kept({ startIntervalMs: 10 });
  turn("asked");
  turn("asked", { number: 2, task: 1 });
  turn("begun");
  keeper.changed(hostCall());
  turn("done");
  keeper.durable(writer.entry([CHANGED]));
  clock.advance(10);
  turn("begun", { number: 2, task: 1 });
  turn("done", { number: 2, task: 1 });
  keeper.ended();
  expect(keeper.counts.late).toBe(1);
});

test("a change that begins while the file FREEZE is there is found, a look is not", () => {
  const { turn, keeper } = kept({}, true);
  turn("asked", { kind: "check" });
  turn("begun", { kind: "check" });
  turn("done", { kind: "check" });
  turn("asked", { number: 2 });
  turn("kept back", { number: 2 });
  expect(keeper.counts.keptBack).toBe(1);
  finds(() => keeper.changed(hostCall()));
  turn("asked", { number: 3, task: 1 });
  finds(() => turn("begun", { number: 3, task: 1 }));
});

test("more at one origin than the bound is found, at another origin it is not", () => {
  const { turn } = kept();
  turn("asked");
  turn("asked", { number: 2, task: 1 });
  turn("asked", { number: 3, task: 1, kind: "check", origin: "ssh h1" });
  turn("begun");
  turn("begun", { number: 3, task: 1, kind: "check", origin: "ssh h1" });
  finds(() => turn("begun", { number: 2, task: 1 }));
});

test("two starts that are closer together than the interval are found", () => {
  const { clock, turn } = kept({ concurrentMax: 2, startIntervalMs: 10 });
  turn("asked");
  turn("asked", { number: 2, task: 1 });
  turn("begun");
  clock.advance(9);
  finds(() => turn("begun", { number: 2, task: 1 }));
});

test("a task that was let go of before its turn, and touched its host, is found", () => {
  const { keeper, turn } = kept();
  turn("asked");
  finds(() => keeper.changed(hostCall()));
  turn("refused");
  finds(() => keeper.changed(hostCall()));
  finds(() => turn("begun"));
});

test("an attempt that was let go of before its turn, and says that it changed something, is found", () => {
  const { keeper, writer, turn } = kept();
  turn("asked");
  turn("refused");
  finds(() => keeper.durable(writer.entry([CHANGED])));
});

test("work whose attempt has ended, or whose life has, and that begins is found", () => {
  const { keeper, writer, turn } = kept();
  turn("asked");
  keeper.durable(writer.entry([CANCELLED]));
  finds(() => turn("begun"));
  const other = kept();
  other.turn("asked");
  other.keeper.crashed(1);
  finds(() => other.turn("begun"));
});

test("work that begins twice, is let go of after it began, or waits for ever is found", () => {
  const { turn } = kept({ concurrentMax: 2 });
  turn("asked");
  turn("begun");
  finds(() => turn("begun"));
  finds(() => turn("refused"));
  const other = kept();
  other.turn("asked");
  finds(() => other.keeper.ended());
  other.turn("begun");
  finds(() => other.keeper.ended());
});

test("what a crash forgot may be asked for again by the next life", () => {
  const { keeper, turn } = kept();
  turn("asked");
  keeper.crashed(1);
  turn("done");
  turn("refused");
  turn("asked", { number: 2, life: 2 });
  turn("begun", { number: 2, life: 2 });
  keeper.changed(hostCall());
  turn("done", { number: 2, life: 2 });
  keeper.ended();
  expect(keeper.counts.forgottenApply).toBe(1);
});

test("waiting work of a life that has ended never begins, and nobody hears of it", async () => {
  const life = new Life({ number: 1, calls: new Map(), onCrash: () => undefined });
  const clock = new FakeClock();
  const pace = fencedPace(new SeededPace({ clock, concurrentMax: 1, startIntervalMs: 5, chance: () => undefined }), life);
  const heard: string[] = [];
  await pace.run("a", async () => heard.push("first"), never);
  const abort = new AbortController();
  const hear = (what: string) => (): void => void heard.push(what);
  for (const signal of [never, abort.signal])
    void pace.run("a", async () => heard.push("waiting"), signal).then(hear("answered"), hear("refused"));
  life.end();
  abort.abort();
  await clock.advanceAsync(1_000);
  expect(heard).toEqual(["first"]);
});

test("who waits at an origin is let through in many orders, and origins overtake each other", async () => {
  const orders = new Set<string>();
  for (let seed = 1; seed <= 20; seed++) {
    const chance = new Chance(seed);
    const pace = new SeededPace({ clock: new FakeClock(), concurrentMax: 1, startIntervalMs: 0, chance: () => chance });
    const begun: string[] = [];
    const work = (origin: string, name: string) => pace.run(origin, async () => void begun.push(name), never);
    await Promise.all([work("a", "a1"), work("a", "a2"), work("a", "a3"), work("b", "b1")]);
    orders.add(begun.join(" "));
  }
  expect(orders.size).toBeGreaterThan(5);
  expect([...orders].some((order) => order.startsWith("b1"))).toBe(true);
  expect([...orders].some((order) => order.endsWith("b1"))).toBe(true);
  expect([...orders].some((order) => order.indexOf("a2") < order.indexOf("a1"))).toBe(true);
});

const SEED = Number(process.env["SIM_SEED"] ?? "1");

/** The rarest of it happens in one seed of thirty. */
const SEEDS_MAX = 400;

test(`tasks begin late, are let go of while they wait, and wait when a life ends or all is frozen (SIM_SEED=${SEED})`, async () => {
  const missing = new Set(Object.keys(noPaceCounts()));
  for (let seed = SEED; missing.size > 0 && seed < SEED + SEEDS_MAX; seed++) {
    const simulation = new Simulation(aScenario(seed));
    await simulation.run();
    for (const [name, count] of Object.entries(simulation.coverage.pace ?? {})) if (count > 0) missing.delete(name);
  }
  expect([...missing]).toEqual([]);
});
