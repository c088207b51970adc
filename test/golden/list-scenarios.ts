// Stories about stages over lists, and of workflows that an action finishes early.

import { SET } from "./scenario.ts";
import type { Json, Scenario } from "./scenario.ts";

/** All of them by the name of their file. */
export const LIST_SCENARIOS: Readonly<Record<string, Scenario>> = {
  "over-a-list": {
    targets: 1,
    async tell(t) {
      const find: Json = {
        name: "find",
        uses: "probe",
        with: {
          found: [
            { name: "r1", n: 1 },
            { name: "r2", n: 2 },
            { name: "r3", n: 3 },
          ],
        },
      };
      const each: Json = { name: "mend", uses: "set", with: { name: "${{ item.name }}", value: "of ${{ item.n }}" } };
      const over = (max: number): Json => ({ list: { items: "stage('scan').actions.find.output.found", max } });
      const define = (name: string, max: number): Json => ({
        name,
        stages: [
          { name: "scan", actions: [find] },
          { name: "mend", over: over(max), rollout: { waves: [{ count: 1 }, { percent: 100 }], pause: "60s" }, actions: [each] },
        ],
        output: "stage('mend').succeeded",
      });
      await t.run("w", define("w", 5));
      t.note("the list is frozen: three of five numbers are used; the second wave waits for its pause");
      await t.crash();
      await t.wait(60);
      t.hosts();
      await t.run("much", define("much", 2));
      await t.retry("much");
    },
  },
  "finished-early": {
    targets: 4,
    async tell(t) {
      const stop = { uses: "finish", when: "target.name == 'h1'" };
      const well: Json = { ...stop, name: "stop", with: { outcome: "succeeded", message: "${{ target.name }} says so", output: { n: 1 } } };
      const badly: Json = { ...stop, name: "give-up", with: { outcome: "failed", message: "no use" } };
      const rest: Json = {
        onSuccess: [{ name: "glad", actions: [{ ...SET, name: "tell" }] }],
        onFailure: [{ name: "sad", actions: [{ ...SET, name: "tell", with: { name: "b", value: "1" } }] }],
      };
      const last: Json = { name: "never", actions: [SET] };
      const stages = (action: Json): Json[] => [
        { name: "fix", over: { targets: true }, rollout: { parallel: 2 }, actions: [action, SET] },
        last,
      ];
      await t.run("w", { name: "w", targets: { where: "true" }, stages: stages(well), ...rest });
      t.note("h0 had begun and is fixed; h1 finished it; h2 and h3, and the stage after, are skipped");
      await t.retry();
      t.hosts();
      await t.run("bad", { name: "bad", targets: { where: "true" }, stages: stages(badly), ...rest });
      await t.retry("bad");
    },
  },
};
