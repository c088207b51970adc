// Stories about approvals: of whom, with a reason, and for how long.

import { aRule } from "../fakes/policy-text.ts";
import { fix } from "./scenario.ts";
import type { Scenario } from "./scenario.ts";

const sre = (name: string) => ({ name, roles: ["approver:sre"] });

/** All of them by the name of their file. */
export const APPROVAL_SCENARIOS: Readonly<Record<string, Scenario>> = {
  "approvals-expire": {
    targets: 2,
    async tell(t) {
      const enforcement = "{ approve: { role: sre, count: 2, expires: 4h, reason: required } }";
      t.world.policies = t.world.policiesOf([aRule({ gates: "exec, wave", expr: "false", enforcement, message: '"it is the database"' })]);
      await t.crash();
      t.note("two people must approve, with a reason, each for four hours, before it begins and before each wave");
      await t.run("w", fix({ waves: [{ count: 1 }], pause: "18000s" }));
      await t.approve(sre("bob"), "");
      await t.approve(sre("bob"), "seen");
      t.note("nobody else came in time: bob's approval has expired, and counts no more, through a crash");
      await t.wait(14_400);
      await t.crash();
      await t.approve(sre("cyd"), "seen");
      t.note("bob approves again; both gates pass");
      await t.wait(60);
      await t.approve(sre("bob"), "still so");
      t.note("five hours later the second wave is to begin, and both are asked again");
      await t.wait(18_000);
      await t.approve(sre("bob"), "and again");
      await t.approve(sre("cyd"), "and again");
    },
  },
};
