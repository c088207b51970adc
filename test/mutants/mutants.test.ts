// Each bug of the list is noticed by the test that it names: one test a mutant, by the runner of `npm run mutants`. And the runner itself can fail.

import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { hunt } from "./hunt.ts";
import type { Mutant } from "./mutant.ts";
import { MUTANTS } from "./mutants.ts";
import { MUTATION_VARIABLE, ROOT } from "./mutation.ts";
import type { Outcome } from "./verdict.ts";

const JOBS = 2;

/** A bug that its test notices, with changes. */
function aMutant(changes: Partial<Mutant>): Mutant {
  return {
    name: "a-mutant",
    bug: "one target more than max_at_risk is begun",
    breaks: "rule: max_at_risk",
    patches: [{ file: "internal/workflow/room-at-risk.ts", find: "< run.stage.atRiskMax", replace: "<= run.stage.atRiskMax" }],
    caughtBy: {
      file: "internal/workflow/room-at-risk.test.ts",
      name: "max_at_risk zero begins no target; stages that run once are not bound by it",
    },
    ...changes,
  };
}

const FLAWED: readonly (readonly [what: string, kind: string, text: RegExp, mutant: Mutant])[] = [
  ["that its test notices is caught", "caught", /^AssertionError: /, aMutant({ name: "caught" })],
  [
    "that changes nothing that matters survives",
    "survived",
    /passes all the same/,
    aMutant({
      name: "equivalent",
      patches: [{ file: "internal/workflow/room-at-risk.ts", find: "< run.stage.atRiskMax", replace: "< run.stage.atRiskMax + 0" }],
    }),
  ],
  [
    "whose test never loads it survives",
    "survived",
    /passes all the same/,
    aMutant({ name: "elsewhere", patches: [{ file: "internal/journal/store.ts", find: "{ sync: true }", replace: "{ sync: false }" }] }),
  ],
  [
    "whose patch fits nowhere is broken",
    "broken",
    /is there 0 times/,
    aMutant({ name: "stale", patches: [{ file: "internal/workflow/room-at-risk.ts", find: "< run.stage.noSuchThing", replace: "" }] }),
  ],
  [
    "whose patch fits twice is broken",
    "broken",
    /is there \d+ times/,
    aMutant({ name: "twice", patches: [{ file: "internal/workflow/room-at-risk.ts", find: "return", replace: "void" }] }),
  ],
  [
    "that does not parse is broken",
    "broken",
    /./,
    aMutant({ name: "syntax", patches: [{ file: "internal/workflow/room-at-risk.ts", find: "< run.stage.atRiskMax", replace: "< (" }] }),
  ],
  [
    "that names what is not there is broken",
    "broken",
    /^ReferenceError: /,
    aMutant({
      name: "reference",
      patches: [{ file: "internal/workflow/room-at-risk.ts", find: "< run.stage.atRiskMax", replace: "< noSuchThing" }],
    }),
  ],
  [
    "that imports what is not there is broken",
    "broken",
    /./,
    aMutant({
      name: "import",
      patches: [
        {
          file: "internal/workflow/room-at-risk.ts",
          find: 'from "./state.ts";\nimport',
          replace: 'from "./state.ts";\nimport "./no.ts";\nimport',
        },
      ],
    }),
  ],
  [
    "whose test is not there has none",
    "no test",
    /no such test/,
    aMutant({ name: "nobody", caughtBy: { file: "internal/workflow/room-at-risk.test.ts", name: "no such test" } }),
  ],
  [
    "whose file of tests is not there has none",
    "no test",
    /./,
    aMutant({ name: "nowhere", caughtBy: { file: "internal/workflow/no-such.test.ts", name: "no such test" } }),
  ],
];

let started: ReturnType<typeof hunt> | undefined;

/** What became of a mutant; the first who asks starts the hunt for all. */
function outcomeOf(name: string): Promise<Outcome> | undefined {
  started ??= hunt([...FLAWED.map(([, , , mutant]) => mutant), ...MUTANTS], JOBS);
  return started.get(name);
}

describe("a mutant", () => {
  test.each(FLAWED)("%s", async (_what, kind, text, { name }) => {
    const outcome = await outcomeOf(name);
    expect(outcome?.kind, outcome?.text).toBe(kind);
    expect(outcome?.text).toMatch(text);
  });
});

test("a process that a mutated test starts from source runs the mutant too, and does not start where the patch does not fit", () => {
  const hook = new URL("./mutation-hook.ts", import.meta.url).href;
  const program = `console.log((await import("${ROOT}internal/workflow/rollout.ts")).cutWaves(3, []).length)`;
  const start = (find: string) =>
    spawnSync(process.execPath, ["--no-warnings", "--import", hook, "--input-type=module", "-e", program], {
      encoding: "utf8",
      env: {
        ...process.env,
        [MUTATION_VARIABLE]: JSON.stringify([{ file: "internal/workflow/rollout.ts", find, replace: "targets > 0" }]),
      },
    });
  expect(start("targets === 0")).toMatchObject({ status: 0, stdout: "0\n" });
  expect(start("no such text")).toMatchObject({ status: 1, stderr: expect.stringContaining("is there 0 times") });
});

describe("the list", () => {
  test("names each mutant once, and more than thirty", () => {
    const names = MUTANTS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(30);
  });

  test.each(MUTANTS)("$name is caught: $bug", async ({ name }) => {
    const outcome = await outcomeOf(name);
    expect(outcome?.kind, outcome?.text).toBe("caught");
  });
});
