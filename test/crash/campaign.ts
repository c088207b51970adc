// The crash campaign: npm run campaign -- --runs 300 [--seed N] [--minutes M] [--jobs 1] [--stop-max SECONDS] [--file-limit]
// Real processes, the real LevelDB and the real command line in trouble of every kind, against what the hosts themselves say. Run i has the seed N + i.
// --file-limit: a full disk is a limit on the size of files, even where a tmpfs could be mounted. A stop lasts at most --stop-max (75 s).
// Exit 0: nothing lost, nothing doubled, nothing strange. Exit 1: something was, and its directory is kept. Exit 2: wrong flags.

import { randomInt } from "node:crypto";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { runBatch } from "./campaign/batch.ts";
import { diskMeans } from "./campaign/full-disk.ts";
import type { DiskMeans } from "./campaign/full-disk.ts";
import { complaint, tally } from "./campaign/tally.ts";

const NUMBER = /^\d{1,10}$/;

interface Flags {
  readonly runs: number;
  readonly seed: number;
  readonly minutes: number;
  readonly jobs: number;
  readonly stopS: number;
  readonly means: DiskMeans;
}

function flags(): Flags {
  const text = { type: "string" } as const;
  const options = { runs: text, seed: text, minutes: text, jobs: text, "stop-max": text, "file-limit": { type: "boolean" } } as const;
  const { values } = parseArgs({ options });
  const number = (name: Exclude<keyof typeof values, "file-limit">, otherwise: number): number => {
    const value = values[name] ?? String(otherwise);
    if (!NUMBER.test(value)) throw new TypeError(`--${name} must be a whole number`);
    return Number(value);
  };
  return {
    runs: number("runs", 300),
    seed: number("seed", randomInt(1_000_000_000)),
    minutes: number("minutes", 24 * 60),
    jobs: number("jobs", 1),
    stopS: number("stop-max", 75),
    means: values["file-limit"] === true ? "file size limit" : diskMeans(),
  };
}

async function main({ runs, seed, minutes, jobs, stopS, means }: Flags): Promise<number> {
  // The client that was built is the one that users have; npm builds it first.
  process.env["HOLDFAST_TEST_BUILT"] = "1";
  const startMs = Date.now();
  console.log(`seed ${seed}, ${runs} runs, at most ${minutes} min, ${jobs} at a time; a full disk is a ${means}; ${cpus().length} cores`);
  const results = await runBatch({
    firstSeed: seed,
    runs,
    jobs,
    diskMeans: means,
    stopMsMax: stopS * 1_000,
    lieMs: 0,
    isOver: () => Date.now() - startMs > minutes * 60_000,
    onResult: (result) => {
      const { findings, tasks, serviceKills, clientKills, stops, fills, selfEnds, held } = result;
      const blows = `${serviceKills} kills of the service, ${clientKills} of clients, ${stops} stops, ${fills} full disks (ended ${selfEnds} times)`;
      console.log(`${result.seed} ${result.trouble}: ${blows}; ${tasks} tasks, ${held} held, ${findings.length} findings`);
      const repeat = `npm run campaign -- --seed ${result.seed} --runs 1 --stop-max ${stopS}${means === "tmpfs" ? "" : " --file-limit"}`;
      if (findings.length > 0) console.log(complaint(result, repeat));
    },
  });
  const { lines, isClean } = tally(results);
  console.log(["", ...lines, `${Math.round((Date.now() - startMs) / 1_000)} s`].join("\n"));
  return isClean ? 0 : 1;
}

let asked: Flags | undefined;
try {
  asked = flags();
} catch (error) {
  console.error(`campaign: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 2;
}
if (asked !== undefined) process.exitCode = await main(asked);
