// The command line of the simulator: parses what was typed into what is to be done.

import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { SIZES } from "./scenario.ts";
import type { Scenario, Size } from "./scenario.ts";
import { ArgumentError, SEED_MAX, parseCount, parseScenario } from "./scenario-text.ts";
import { SIZE_NAMES, isSize } from "./workload-size.ts";

/** What is to be done. */
export type SimArguments =
  | { readonly kind: "help" }
  | { readonly kind: "replay"; readonly scenario: Scenario; readonly isQuiet: boolean; readonly isShrunk: boolean }
  | SeedsArguments;

/** Many scenarios. */
export interface SeedsArguments {
  readonly kind: "seeds";
  /** Undefined: a random one. */
  readonly from: number | undefined;
  /** Every seed that ever failed, and no other. */
  readonly isKnown: boolean;
  /** Infinity: no bound. */
  readonly forMs: number;
  /** Infinity: no bound. */
  readonly runs: number;
  readonly jobs: number;
  /** Undefined: as each seed says. */
  readonly size: Size | undefined;
  /** A long one: goes on after a failure. */
  readonly isCampaign: boolean;
  readonly isQuiet: boolean;
  readonly isShrunk: boolean;
}

/** What --help prints. */
export const HELP = `Simulates the service: the real core and engine on fakes, with everything that can go wrong, from a seed.

  npm run sim -- SEED              replays a seed, with all that happens
  npm run sim -- --minutes 2       runs fresh seeds on all cores, until one breaks a rule
  npm run sim -- --runs 500        so many seeds
  npm run sim -- --campaign --hours 8    a long campaign: goes on after a failure
  npm run sim -- --known           every seed that ever failed (test/sim/failed-seeds.ts)

  --from SEED       the first of many seeds, which follow it by one; default: a random one
  --jobs N          processes; default: as many as there are cores
  --size SIZE       ${SIZE_NAMES.join(", ")}; default: what the seed says, mostly small
  --quiet           prints no transcript, and no progress
  --no-shrink       leaves a scenario that fails as long as it is

of one seed, as a shrunk scenario is printed:
  --steps N         so many steps of trouble; default: ${SIZES.usual.steps} for most sizes
  --skip LIST       leaves steps out, such as 1-9,12
  --targets N       at most so many targets
  --clients N       at most so many clients
  --faults LIST     only these go wrong: crash,host,… or none

Ends with 0 when every rule was kept, 1 when one was broken, 2 for wrong arguments.
`;

const OPTIONS = {
  help: { type: "boolean", short: "h" },
  quiet: { type: "boolean", short: "q" },
  "no-shrink": { type: "boolean" },
  campaign: { type: "boolean" },
  known: { type: "boolean" },
  minutes: { type: "string" },
  hours: { type: "string" },
  runs: { type: "string" },
  from: { type: "string" },
  jobs: { type: "string" },
  size: { type: "string" },
  steps: { type: "string" },
  skip: { type: "string" },
  targets: { type: "string" },
  clients: { type: "string" },
  faults: { type: "string" },
} as const;

const OF_ONE = ["steps", "skip", "targets", "clients", "faults"] as const;
const OF_MANY = ["campaign", "known", "minutes", "hours", "runs", "from", "jobs"] as const;
const JOBS_MAX = 256;
const RUNS_MAX = 1_000_000_000;
const HOURS_MAX = 1_000;
const MINUTE_MS = 60_000;

/** What was typed; throws an ArgumentError. */
export function parseArguments(args: readonly string[]): SimArguments {
  const { values, positionals } = parsed(args);
  if (values.help === true) return { kind: "help" };
  const [seed, ...others] = positionals;
  if (others.length > 0) throw new ArgumentError(`one seed at a time, not ${positionals.join(" ")}; --from SEED --runs N runs several`);
  const given = (names: readonly (keyof typeof OPTIONS)[]): readonly string[] =>
    names.filter((name) => values[name] !== undefined).map((name) => `--${name}`);
  const isQuiet = values.quiet === true;
  const isShrunk = values["no-shrink"] !== true;
  if (seed !== undefined) {
    const [wrong] = given(OF_MANY);
    if (wrong !== undefined) throw new ArgumentError(`${wrong} is of many seeds, and ${seed} is one`);
    return { kind: "replay", scenario: parseScenario(parseCount("seed", seed, SEED_MAX), values), isQuiet, isShrunk };
  }
  const [wrong] = given(OF_ONE);
  if (wrong !== undefined) throw new ArgumentError(`${wrong} is of one scenario: say its seed first`);
  return { ...parseSeeds(values), isQuiet, isShrunk };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new ArgumentError(error instanceof Error ? error.message : String(error));
  }
}

function parseSeeds(values: ReturnType<typeof parsed>["values"]): Omit<SeedsArguments, "isQuiet" | "isShrunk"> {
  const { from, minutes, hours, runs, size } = values;
  const isKnown = values.known === true;
  if (size !== undefined && !isSize(size))
    throw new ArgumentError(`--size ${size}: there is no such size; there are ${SIZE_NAMES.join(", ")}`);
  if (minutes !== undefined && hours !== undefined) throw new ArgumentError("--minutes and --hours: say one of them");
  const forMs =
    minutes === undefined
      ? parseTime("--hours", hours, HOURS_MAX) * 60 * MINUTE_MS
      : parseTime("--minutes", minutes, HOURS_MAX * 60) * MINUTE_MS;
  if (!isKnown && forMs === Infinity && runs === undefined)
    throw new ArgumentError("nothing to do: say a SEED, or --minutes, --hours, --runs or --known");
  if (isKnown && (from !== undefined || runs !== undefined || size !== undefined))
    throw new ArgumentError("--known runs the seeds that ever failed, as they are, and no others");
  const jobs = values.jobs === undefined ? availableParallelism() : parseCount("--jobs", values.jobs, JOBS_MAX);
  if (jobs === 0) throw new ArgumentError("--jobs 0: at least one process is needed");
  return {
    kind: "seeds",
    from: from === undefined ? undefined : parseCount("--from", from, SEED_MAX),
    isKnown,
    forMs,
    runs: runs === undefined ? Infinity : parseCount("--runs", runs, RUNS_MAX),
    jobs,
    size,
    isCampaign: values.campaign === true,
  };
}

function parseTime(name: string, text: string | undefined, most: number): number {
  if (text === undefined) return Infinity;
  const time = Number(text);
  if (!/^[0-9]+(\.[0-9]+)?$/.test(text) || time === 0 || time > most)
    throw new ArgumentError(`${name} ${text}: expected a number above 0, at most ${most}`);
  return time;
}
