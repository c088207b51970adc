import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryDirectory } from "../fakes/temp-directory.ts";
import { aFigure, aResult } from "./figure-fake.ts";
import { guardRatios, renewGuard, TRIES } from "./quick-run.ts";
import { judgeRatios, renewRatios, wordVerdict } from "./ratio-guard.ts";
import type { Try } from "./ratio-guard.ts";

/** A try in which the engine's figure is `ratio` times its floor. */
function aTry(ratio: number, better: "higher" | "lower" = "higher"): Try {
  return { row: "engine", figures: [aFigure({ values: [100 * ratio], floor: [100], better, isGuarded: true })] };
}

const COMMITTED = { engine: { "tasks a second": 0.2 } };
const kinds = (tries: readonly Try[], committed = COMMITTED): readonly string[] =>
  judgeRatios(committed, ["engine"], tries).map(({ kind }) => kind);

describe("the guard of the ratios", () => {
  test.each([
    ["at the committed ratio", 0.2, "held"],
    ["above it", 0.9, "held"],
    ["at 70 % of it", 0.14, "held"],
    ["just below 70 % of it", 0.1399, "fallen"],
    ["far below", 0.01, "fallen"],
  ])("%s: %d is %s", (_, ratio, kind) => {
    expect(kinds([aTry(ratio), aTry(ratio), aTry(ratio)])).toEqual([kind]);
  });

  test("of a figure where less is better, more than the committed ratio by 1 / 0.7 has fallen", () => {
    const committed = { engine: { "tasks a second": 7 } };
    expect(kinds([aTry(9.99, "lower")], committed)).toEqual(["held"]);
    expect(kinds([aTry(10.01, "lower")], committed)).toEqual(["fallen"]);
    expect(kinds([aTry(0.1, "lower")], committed)).toEqual(["held"]);
  });

  test("lets one good try of three pass, and no bad three", () => {
    expect(kinds([aTry(0.1), aTry(0.1), aTry(0.2)])).toEqual(["held"]);
    expect(kinds([aTry(0.1), aTry(0.13), aTry(0.12)])).toEqual(["fallen"]);
  });

  test("looks at ratios alone: on a machine ten times slower nothing changes", () => {
    const slow: Try = { row: "engine", figures: [aFigure({ values: [2], floor: [10], isGuarded: true })] };
    expect(kinds([slow])).toEqual(["held"]);
  });

  test("fails for a figure that is guarded and not committed, and for one that is committed and not measured", () => {
    expect(kinds([aTry(0.2)], { engine: {} } as never)).toEqual(["uncommitted"]);
    expect(kinds([{ row: "engine", figures: [] }])).toEqual(["unmeasured"]);
    const unguarded = { row: "engine", figures: [aFigure({ values: [20], floor: [100] })] };
    expect(kinds([unguarded])).toContain("unmeasured");
    expect(kinds([])).toEqual(["unmeasured"]);
  });

  test("fails for a row that measures and guards nothing, and not for one that answers with nothing", () => {
    const unguarded = { row: "engine", figures: [aFigure({ values: [20], floor: [100] })] };
    expect(kinds([unguarded], {} as never)).toEqual(["idle"]);
    expect(kinds([{ row: "engine", figures: [] }], {} as never)).toEqual([]);
  });

  test("does not judge rows that were not asked for", () => {
    expect(judgeRatios({ ...COMMITTED, bytes: { "bytes a task": 2 } }, ["engine"], [aTry(0.2)])).toHaveLength(1);
  });

  test("says which figure fell, what was found in each try, what was committed, and what to do", () => {
    const [verdict] = judgeRatios(COMMITTED, ["engine"], [aTry(0.1), aTry(0.13), aTry(0.12)]);
    const text = verdict === undefined ? "" : wordVerdict(verdict);
    for (const part of ["engine: tasks a second", "0.1, 0.13, 0.12", "3 tries", "committed 0.2", "70 %", "--quick --write engine"]) {
      expect(text).toContain(part);
    }
  });

  test("renews a row's ratios with the medians of its tries, drops what it no longer measures, and leaves other rows alone", () => {
    const committed = { engine: { gone: 3 }, bytes: { "bytes a task": 2 } };
    expect(renewRatios(committed, ["engine"], [aTry(0.1), aTry(0.3), aTry(0.25)])).toEqual({
      engine: { "tasks a second": 0.25 },
      bytes: { "bytes a task": 2 },
    });
    expect(renewRatios(committed, ["bytes"], [])).toEqual({ engine: { gone: 3 } });
  });
});

describe("a quick run", () => {
  /** Runs with these ratios, one a try; says its exit code, its last lines, and how often it measured. */
  async function run(found: readonly number[], committed: unknown = COMMITTED) {
    const file = join(temporaryDirectory(), "ratios.json");
    writeFileSync(file, JSON.stringify(committed));
    const lines: string[] = [];
    let measured = 0;
    const quickRun = {
      file,
      measure: async () => aResult({ scale: "quick", figures: aTry(found[measured++] ?? Number.NaN).figures }),
      say: (line: string) => lines.push(line),
    };
    return { file, quickRun, lines, code: await guardRatios(["engine"], quickRun), measured: () => measured };
  }

  test("is content with the first good try", async () => {
    const { code, measured, lines } = await run([0.19]);
    expect([code, measured()]).toEqual([0, 1]);
    expect(lines.at(-1)).toBe("bench: 1 of 1 guarded ratios held");
  });

  test("tries again, and passes at the third try", async () => {
    const { code, measured } = await run([0.1, 0.1, 0.2]);
    expect([code, measured()]).toEqual([0, 3]);
  });

  test("fails after three bad tries", async () => {
    const { code, measured, lines } = await run([0.1, 0.11, 0.12]);
    expect([code, measured()]).toEqual([1, TRIES]);
    expect(lines[0]).toContain("FALLEN");
  });

  test("fails when a ratio is not committed, and does not try again what no try can mend", async () => {
    const { code, measured } = await run([0.2], {});
    expect([code, measured()]).toEqual([1, 1]);
  });

  test("fails when there is nothing to hold", async () => {
    const { quickRun } = await run([0.2]);
    const measure = async () => aResult({ name: "floors", figures: [] });
    expect(await guardRatios(["floors"], { ...quickRun, measure })).toBe(1);
  });

  test("with --write takes the median of three tries as the ratio to hold, and then holds it", async () => {
    const { file, quickRun } = await run([0.2]);
    let nth = 0;
    const measure = async () => aResult({ figures: aTry([0.5, 0.4, 0.45, 0.3][nth++] ?? 0.1).figures });
    expect(await renewGuard(["engine"], { ...quickRun, measure })).toBe(0);
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ engine: { "tasks a second": 0.45 } });
    expect(await guardRatios(["engine"], { ...quickRun, measure: async () => aResult({ figures: aTry(0.32).figures }) })).toBe(0);
    expect(await guardRatios(["engine"], { ...quickRun, measure: async () => aResult({ figures: aTry(0.31).figures }) })).toBe(1);
  });
});
