// The service, except that it kills itself with SIGKILL at its n-th append to the journal:
//   HOLDFAST_CRASH_APPEND=n   HOLDFAST_CRASH_WHEN=before|after   (before: the entry never gets to the journal; after: it is on disk, and
// nobody has heard of it). HOLDFAST_CRASH_COUNT_FILE names a file that always holds how many appends there were, so that a test knows where the end is.
//   HOLDFAST_CRASH_APPLY=file   it kills itself when the first apply of that action has done its work and nobody has heard of it.
//   HOLDFAST_CRASH_LIE=ms   it acknowledges at once and writes so much later: a campaign must find what that loses.   HOLDFAST_SOAK_FILE: see
// test/crash/soak/life-report.ts.

import { writeFileSync } from "node:fs";
import { runProgram } from "../../cmd/holdfastd/program.ts";
import { reportLife } from "./soak/life-report.ts";
import type { Action, Actions, EnginePorts, Journal, PreparedAction } from "../../internal/engine/ports.ts";

const { HOLDFAST_CRASH_APPEND: nth = "0", HOLDFAST_CRASH_WHEN: when = "after", HOLDFAST_CRASH_COUNT_FILE: countFile } = process.env;
const { HOLDFAST_CRASH_APPLY: crashApply, HOLDFAST_CRASH_LIE: lieMs = "0", HOLDFAST_SOAK_FILE: soakFile } = process.env;

function withCrash(journal: Journal): Journal {
  let count = 0;
  // Timers of one length fire in their order, so that the frames still follow each other.
  const lie: Journal["append"] = async (entry) => void setTimeout(() => void journal.append(entry), Number(lieMs));
  const append: Journal["append"] = (entry) => {
    count++;
    if (countFile !== undefined) writeFileSync(countFile, String(count));
    if (count !== Number(nth)) return journal.append(entry);
    if (when === "before") process.kill(process.pid, "SIGKILL");
    // Never resolves: whoever waits for this append must not be told before the process is gone.
    return new Promise(() => void journal.append(entry).then(() => process.kill(process.pid, "SIGKILL")));
  };
  return new Proxy(journal, {
    get(target, key) {
      if (key === "append") return lieMs === "0" ? append : lie;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function crashAfterApply(actions: Actions): Actions {
  return {
    names: () => actions.names(),
    find: (uses) => {
      const found = actions.find(uses);
      return found === undefined || uses !== crashApply ? found : crashing(found);
    },
  };
}

function crashing(action: Action): Action {
  const { uses, effects, digest } = action;
  const parse = (raw: Parameters<Action["parse"]>[0]): PreparedAction => {
    const prepared = action.parse(raw);
    const apply: PreparedAction["apply"] = async (context, before) => {
      await prepared.apply(context, before);
      process.kill(process.pid, "SIGKILL");
      return new Promise(() => undefined);
    };
    return new Proxy(prepared, {
      get: (target, key) => {
        if (key === "apply") return apply;
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  };
  return { uses, effects, digest, validate: (raw, context) => action.validate(raw, context), parse };
}

if (soakFile !== undefined) reportLife(soakFile);

await runProgram({
  wrapPorts: (ports: EnginePorts): EnginePorts => ({
    ...ports,
    journal: withCrash(ports.journal),
    actions: crashAfterApply(ports.actions),
  }),
});
