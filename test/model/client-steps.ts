// What clients do: the handshake of two processes that may die between any two steps, an emergency stop, and a person who looks at a host.
// 1. A dead client comes back with what is on its disk, and nothing else.
// 2. An answer is given when what it stands on is synced; a client whose service was killed asks again.

import { assertNever } from "../../internal/base/assert.ts";
import { Resolution } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { Step } from "./explorer.ts";
import type { Play } from "./service-steps.ts";
import { LATE_MS } from "./history.ts";
import { turned } from "./service-steps.ts";
import { replaced } from "./system.ts";
import type { Runner, Stopper, System } from "./system.ts";

/** All that clients and people may do next. */
export function clientSteps(play: Play, system: System): readonly Step<System>[] {
  return [
    ...system.runners.flatMap((runner, index) => runnerSteps(play, system, { runner, index })),
    ...strayCalls(play, system),
    ...(system.stopper === undefined ? [] : stopperSteps(play, system, system.stopper)),
    ...resolutions(play, system),
  ];
}

interface Of {
  readonly runner: Runner;
  readonly index: number;
}

function runnerSteps(play: Play, system: System, of: Of): readonly Step<System>[] {
  const { runner, index } = of;
  const name = `client ${index}: `;
  const to = (change: Partial<Runner>, next = system): System => ({
    ...next,
    runners: replaced(next.runners, index, { ...runner, ...change }),
  });
  if (runner.disk === "over") return [];
  if (runner.at === "dead") return [{ name: `${name}comes back`, next: to({ at: "idle", answer: undefined }) }];
  return [...(system.mayDie ? deaths(system, of) : []), ...alive(play, system, of).map((step) => ({ ...step, name: name + step.name }))];
}

/** Killed between any two steps. A call that was on its way is lost, or arrives after all. */
function deaths(system: System, { runner, index }: Of): readonly Step<System>[] {
  const dead: System = { ...system, runners: replaced(system.runners, index, { ...runner, at: "dead", answer: undefined }) };
  const name = `client ${index}: dies`;
  const call = runner.at === "submitting" ? "submit" : runner.at === "executing" ? "exec" : undefined;
  const lost: readonly Step<System>[] = [{ name, isMisfortune: true, next: dead }];
  if (call === undefined || runner.answer !== undefined || system.stray.includes(call)) return lost;
  const stray: System["stray"] = call === "submit" ? [call, ...system.stray] : [...system.stray, call];
  return [...lost, { name: `${name}, its ${call} is still on its way`, isMisfortune: true, next: { ...dead, stray } }];
}

function alive(play: Play, system: System, { runner, index }: Of): readonly Step<System>[] {
  const to = (change: Partial<Runner>, next = system): System => ({
    ...next,
    runners: replaced(next.runners, index, { ...runner, ...change }),
  });
  const isBold = play.bug === "executes before its ID is written down";
  switch (runner.at) {
    case "idle":
      if (runner.disk === "nothing") return [{ name: "writes its request down", next: to({ disk: "entry" }) }];
      if (runner.disk === "entry") return [{ name: "sends Submit", next: to({ at: "submitting" }) }];
      if (runner.disk === "id") return [{ name: "sends Exec", next: to({ at: "executing" }) }];
      return watching(play, system, to);
    case "submitting":
      if (runner.answer === undefined) return taken(play, system, { index, call: "submit", runner });
      return isTold(play, system, runner.answer) ? [{ name: "has the ID", next: to({ at: "got-id", answer: undefined }) }] : [];
    case "got-id":
      return [
        { name: "writes the ID down", next: to({ at: "idle", disk: "id" }) },
        ...(isBold ? [{ name: "sends Exec", next: to({ at: "executing" }) }] : []),
      ];
    case "executing":
      if (runner.answer === undefined) return taken(play, system, { index, call: "exec", runner });
      if (!isTold(play, system, runner.answer)) return [];
      if (play.histories.view(runner.answer).life === "expired")
        return [{ name: "hears that it has expired", next: to({ at: "idle", disk: "over", answer: undefined }) }];
      return [{ name: "knows that it is executed", next: to({ at: "got-exec", answer: undefined }) }];
    case "got-exec":
      return [{ name: "writes down that it is executed", next: to({ at: "idle", disk: "executed" }) }];
    case "dead":
      return [];
    default:
      return assertNever(runner.at);
  }
}

/** It watches what is on disk, until there is an end. */
function watching(play: Play, system: System, to: (change: Partial<Runner>) => System): readonly Step<System>[] {
  const { life } = play.histories.view(system.synced);
  const isOver = system.isUp && (life === "ended" || life === "expired");
  return isOver ? [{ name: "sees the end", next: to({ disk: "over" }) }] : [];
}

/** The service takes a call up. While all is frozen it is refused, and asked again later. */
function taken(
  play: Play,
  system: System,
  at: { readonly index: number; readonly call: "submit" | "exec"; readonly runner: Runner },
): readonly Step<System>[] {
  const { index, call, runner } = at;
  if (!system.isUp) return [];
  const next = called(play, system, call);
  if (next === undefined) return [];
  const isWaiting = play.bug !== "waits for no answer to its exec" || call === "submit";
  const change: Partial<Runner> = isWaiting ? { answer: next.history } : { at: "got-exec" };
  const wrong = call === "exec" && runner.disk === "entry" ? "handshake: a client executes what its disk does not know" : undefined;
  const runners = replaced(next.runners, index, { ...runner, ...change });
  return [{ name: `its ${call} is taken up`, next: { ...next, runners, wrong: next.wrong ?? wrong } }];
}

function called(play: Play, system: System, call: "submit" | "exec"): System | undefined {
  const { histories } = play;
  const { life, freezes, submittedAtMs } = histories.view(system.history);
  if (call === "submit") {
    if (life !== "none") return system;
    return freezes.length > 0 ? undefined : { ...system, history: histories.after(system.history, { kind: "submit" }, system.isLate) };
  }
  if (life === "none") return { ...system, wrong: "H1: a workflow whose ID was given is unknown" };
  if (life === "submitted" && freezes.length > 0) return undefined;
  const isInTime = !system.isLate || play.bug === "executes what has expired";
  const next = turned(play, { ...system, isLate: !isInTime }, { kind: "exec", by: "ann", digest: "" });
  const isTooLate = system.isLate && submittedAtMs !== LATE_MS && life === "submitted" && histories.view(next.history).life === "executing";
  const wrong = isTooLate ? "handshake: what has expired is executed" : undefined;
  return { ...next, isLate: system.isLate, wrong: next.wrong ?? wrong };
}

function strayCalls(play: Play, system: System): readonly Step<System>[] {
  if (!system.isUp) return [];
  return system.stray.map((call) => {
    const left = { ...system, stray: system.stray.filter((other) => other !== call) };
    return { name: `the ${call} of one that died arrives`, next: called(play, left, call) ?? left };
  });
}

function isTold(play: Play, system: System, answer: number): boolean {
  return system.isUp && (play.bug === "answers before the sync" || play.histories.includes(system.synced, answer));
}

function stopperSteps(play: Play, system: System, stopper: Stopper): readonly Step<System>[] {
  const { histories } = play;
  const to = (change: Partial<Stopper>, next = system): System => ({ ...next, stopper: { ...stopper, ...change } });
  const moved = (kind: "freeze" | "thaw"): Step<System>[] => {
    if (!system.isUp) return [];
    const history = histories.after(system.history, { kind }, system.isLate);
    return [{ name: `the ${kind} is taken up`, next: to({ answer: history }, { ...system, history }) }];
  };
  switch (stopper.at) {
    case "idle":
      return [{ name: "somebody asks for a freeze", next: to({ at: "freezing" }) }];
    case "freezing":
      if (stopper.answer === undefined) return moved("freeze");
      return isTold(play, system, stopper.answer)
        ? [{ name: "the freeze is answered", next: to({ at: "frozen", answer: undefined }) }]
        : [];
    case "frozen":
      return [{ name: "somebody asks for the thaw", next: to({ at: "thawing" }) }];
    case "thawing":
      if (stopper.answer === undefined) return moved("thaw");
      return isTold(play, system, stopper.answer) ? [{ name: "the thaw is answered", next: to({ at: "done", answer: undefined }) }] : [];
    case "done":
      return [];
    default:
      return assertNever(stopper.at);
  }
}

/** A person looks at the host, when nothing runs there any more, and says what is true. */
function resolutions(play: Play, system: System): readonly Step<System>[] {
  if (!system.isUp || play.histories.view(system.history).freezes.length > 0) return [];
  return play.histories.view(system.synced).unknown.flatMap((task) => {
    const host = system.host[task];
    if (host === undefined || host.left !== undefined) return [];
    const resolution = host.changes > 0 ? Resolution.SUCCEEDED : Resolution.RUN_AGAIN;
    const next = turned(play, system, { kind: "resolveTask", by: "ann", task, resolution, reason: "looked" });
    return [{ name: `a person resolves task ${task}`, next }];
  });
}
