// Hunts mutants: first every named test without one, then each mutant with its own, a few at a time.
// 1. A test is run once without a mutant, whatever number of mutants names it.

import type { Mutant, NamedTest } from "./mutant.ts";
import { TestRunner } from "./test-run.ts";
import type { RunReport } from "./test-run.ts";
import { faultOfPatches, judge } from "./verdict.ts";
import type { Outcome } from "./verdict.ts";

/** Starts the hunt; gives each mutant's outcome, by its name, when it is known. */
export function hunt(mutants: readonly Mutant[], jobs: number): ReadonlyMap<string, Promise<Outcome>> {
  const outcomes = new Map(mutants.map(({ name }) => [name, Promise.withResolvers<Outcome>()]));
  const files = [...new Set(mutants.map(({ caughtBy }) => caughtBy.file))];
  const base = new Map(files.map((file) => [file, Promise.withResolvers<RunReport>()]));
  const queue: ((runner: TestRunner) => Promise<void>)[] = [
    ...files.map((file) => async (runner: TestRunner) => {
      const names = namesIn(file, mutants);
      base.get(file)?.resolve(await runner.run({ files: [file], names, patches: [] }));
    }),
    ...mutants.map((mutant) => async (runner: TestRunner) => {
      const without = await base.get(mutant.caughtBy.file)?.promise;
      if (without !== undefined) outcomes.get(mutant.name)?.resolve(await outcomeOf(mutant, without, runner));
    }),
  ];
  for (let job = 0; job < jobs; job++) void work(queue);
  return new Map([...outcomes].map(([name, { promise }]) => [name, promise]));
}

async function work(queue: ((runner: TestRunner) => Promise<void>)[]): Promise<void> {
  const runner = new TestRunner();
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) await next(runner);
  runner.close();
}

async function outcomeOf(mutant: Mutant, base: RunReport, runner: TestRunner): Promise<Outcome> {
  const fault = faultOfPatches(mutant);
  if (fault !== undefined) return { kind: "broken", text: fault, ms: 0 };
  const { file, name }: NamedTest = mutant.caughtBy;
  return judge(mutant, { base, mutated: await runner.run({ files: [file], names: [name], patches: mutant.patches }) });
}

function namesIn(file: string, mutants: readonly Mutant[]): readonly string[] {
  return [...new Set(mutants.filter(({ caughtBy }) => caughtBy.file === file).map(({ caughtBy }) => caughtBy.name))];
}
