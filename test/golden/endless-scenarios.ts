// A story about a workflow that goes on in generations.

import { SET } from "./scenario.ts";
import type { Scenario } from "./scenario.ts";

/** By the name of its file. */
export const ENDLESS_SCENARIOS: Readonly<Record<string, Scenario>> = {
  generations: {
    targets: 1,
    async tell(t) {
      const stages = [
        { name: "rest", actions: [{ name: "until-next", uses: "wait", with: { for: "1h" }, set: { n: "vars.n + 1.0" } }] },
        { name: "fix", over: { targets: true }, actions: [{ ...SET, with: { name: "a", value: "${{ vars.n }}" } }] },
      ];
      const vars = { n: { type: "PARAM_TYPE_NUMBER" } };
      const continueAsNew = { while: "workflow.generation < 3" };
      await t.run("w", { name: "w", targets: { where: "true" }, vars, stages, continueAsNew, output: "vars.n" });
      await t.wait(3_600);
      t.note("the next generation began under the same ID, with the variable and nothing else; attempts are numbered on");
      await t.wait(1_800);
      await t.crash();
      await t.wait(1_800);
      await t.wait(3_600);
      t.note("the third was the last");
      t.hosts();
      await t.run("soon", { name: "soon", targets: { where: "true" }, stages: stages.slice(1), vars, continueAsNew });
      t.note("what never waits begins a generation each second");
      await t.wait(1);
      await t.cancel("soon");
    },
  },
};
