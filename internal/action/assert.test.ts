import { expect, test } from "vitest";
import { anAttempt } from "../../test/fakes/attempt-context.ts";
import { assertAction } from "./assert.ts";

const SCOPE: Readonly<Record<string, unknown>> = {
  rescan: { output: { issues: ["x"] } },
  stage: (name: string) => ({ failed: name === "fix" ? 2 : 0 }),
};

test.each<readonly [string, string]>([
  ["size(rescan.output.issues) == 1", "applied"],
  ["size(rescan.output.issues) == 0", "failed"],
  ["stage('fix').failed == 2", "applied"],
  ["rescan.output.nothing", "failed"],
  ["size(rescan.output.issues)", "failed"],
])("%s is %s", async (that, kind) => {
  const result = await assertAction()
    .parse({ that })
    .apply(anAttempt({ scope: (name) => SCOPE[name] }), "");
  expect(result.kind).toBe(kind);
});

test("a failed assertion says its message, else its expression", async () => {
  const context = anAttempt({ scope: (name) => SCOPE[name] });
  expect(await assertAction().parse({ that: "1 == 2", message: "two issues are left" }).apply(context, "")).toMatchObject({
    message: "two issues are left",
  });
  expect(await assertAction().parse({ that: "1 == 2" }).apply(context, "")).toMatchObject({ message: "not true: 1 == 2" });
});

test.each<readonly [string, RegExp]>([
  ["scna.output == 1", /scna/],
  ["scan.output ==", /./],
  ["${{ scan.output }} == 1", /without \$\{\{ \}\}/],
])("%s is refused at submit, with its place", (that, reason) => {
  const faults = assertAction().validate({ that }, { place: "stages[0].actions[1].with", names: ["scan"] });
  expect(faults).toMatchObject([
    { place: expect.stringMatching(/^stages\[0\]\.actions\[1\]\.with\.that/), reason: expect.stringMatching(reason) },
  ]);
});

test("what `that` gets wrong of the workflow's types is refused at submit, and so is what is no condition", () => {
  const types = {
    declarations: {
      scan: { object: "scan", fields: { output: "dyn", changed: "bool" } },
      params: { object: "params", fields: { n: "int" } },
    },
    functions: [],
  };
  const reasonsOf = (that: string): readonly string[] =>
    assertAction()
      .validate({ that }, { place: "with", names: Object.keys(types.declarations), types })
      .map(({ place, reason }) => `${place}: ${reason}`);
  expect(reasonsOf("scan.output.issues == 0")).toEqual([]);
  expect(reasonsOf("scan.ouput == 0")).toEqual(['with.that:1:6: no such field "ouput" in scan; did you mean "output"?']);
  expect(reasonsOf("params.verison == 1 && scan.chnged")).toHaveLength(2);
  expect(reasonsOf("params.n")).toEqual(["with.that:1:8: expected bool, found int"]);
});
