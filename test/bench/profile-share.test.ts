import { expect, test } from "vitest";
import { topOf } from "./profile-share.ts";

/** A profile of samples of 1 ms each, by function and file. */
function aProfile(samples: readonly (readonly [name: string, url: string])[]) {
  const nodes = samples.map(([functionName, url], at) => ({ id: at + 1, callFrame: { functionName, url, lineNumber: at } }));
  return { nodes, samples: nodes.map(({ id }) => id), timeDeltas: samples.map(() => 1_000) };
}

test("self time is summed over all places that a function was called from, and idle time is none", () => {
  const file = "file:///somewhere/dist/internal/workflow/apply.js";
  const profile = aProfile([
    ["applyEvent", file],
    ["(idle)", ""],
    ["applyEvent", file],
    ["(garbage collector)", ""],
    ["(idle)", ""],
    ["", "file:///somewhere/node_modules/@bufbuild/protobuf/dist/esm/to-binary.js"],
  ]);
  expect(topOf(profile, 2)).toEqual({
    busyMs: 4,
    functions: [
      { name: "applyEvent", place: " in internal/workflow/apply.ts", share: 0.5 },
      { name: "(garbage collector)", place: "", share: 0.25 },
    ],
  });
  expect(topOf(profile, 3).functions[2]).toEqual({
    name: "(anonymous)",
    place: " in @bufbuild/protobuf/dist/esm/to-binary.js",
    share: 0.25,
  });
});

test("two functions of one name in two files are two", () => {
  const profile = aProfile([
    ["run", "file:///somewhere/internal/engine/turn.ts"],
    ["run", "file:///somewhere/internal/engine/timers.ts"],
  ]);
  expect(topOf(profile, 10).functions.map(({ place }) => place)).toEqual([" in internal/engine/turn.ts", " in internal/engine/timers.ts"]);
});
