// The stories that the transcripts tell, each in a few commands: what a reader would try to understand how workflows behave.

import { ANN } from "../fakes/principals.ts";
import { Mode, Resolution } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { requestId } from "../fakes/world.ts";
import { APPROVAL_SCENARIOS } from "./approval-scenarios.ts";
import { ATTEMPT_SCENARIOS } from "./attempt-scenarios.ts";
import { ENDLESS_SCENARIOS } from "./endless-scenarios.ts";
import { LIST_SCENARIOS } from "./list-scenarios.ts";
import { SET, TOUCH, fix } from "./scenario.ts";
import type { Json, Scenario } from "./scenario.ts";

const DAY_S = 86_400;

/** All stories by the name of their file. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  ...ATTEMPT_SCENARIOS,
  ...APPROVAL_SCENARIOS,
  ...LIST_SCENARIOS,
  ...ENDLESS_SCENARIOS,
  "submit-exec-expire": {
    targets: 2,
    async tell(t) {
      await t.submit("w", fix({}));
      t.note("nothing has run");
      await t.exec();
      await t.exec();
      t.hosts();
      await t.submit("late", fix({}));
      await t.wait(3_600);
      await t.exec("late");
    },
  },
  "waves-and-pause": {
    targets: 5,
    async tell(t) {
      await t.run("w", fix({ waves: [{ count: 1 }, { percent: 30 }], pause: "60s" }));
      await t.wait(59);
      await t.crash();
      await t.wait(1);
      await t.wait(60);
    },
  },
  "long-wait": {
    targets: 1,
    async tell(t) {
      const wait: Json = { name: "season", uses: "wait", with: { for: "1y1mo" } };
      await t.run("w", { name: "w", stages: [{ name: "rest", actions: [wait, { ...SET, name: "after" }] }] });
      await t.wait(300 * DAY_S);
      await t.crash();
      await t.pause();
      t.note("a pause starts nothing more; the wait ends all the same");
      await t.wait(96 * DAY_S);
      await t.unpause();
    },
  },
  signals: {
    targets: 1,
    async tell(t) {
      const total: Json = { type: "PARAM_TYPE_INT" };
      await t.run("w", {
        name: "w",
        vars: { total },
        signals: {
          paid: { fields: { by: {} } },
          spend: { fields: { amount: { ...total, required: true } }, set: { total: "vars.total + signal.amount" } },
        },
        stages: [
          {
            name: "order",
            actions: [
              { name: "paid", uses: "signal", with: { name: "paid" } },
              { ...SET, name: "ship", set: { total: "vars.total + 1000" } },
              { name: "left", uses: "signal", with: { name: "paid" }, timeout: "60s" },
            ],
          },
        ],
        output: "{'total': vars.total, 'by': stage('order').actions.paid.output.by}",
      });
      await t.signal("spend", "bill-1", { amount: 7 });
      await t.signal("spend", "bill-1", { amount: 7 });
      await t.signal("spend", "bill-1", { amount: 8 });
      await t.signal("spend", "bill-2", { amount: "much" });
      await t.signal("paid", "p1", { by: "ann" });
      await t.signal("paid", "p2", { by: "bob" });
      await t.signal("paid", "p3", {});
    },
  },
  people: {
    targets: 1,
    async tell(t) {
      const ask: Json = { name: "ask", uses: "person", with: { role: "sre", title: "Go on?", other: true } };
      const ride: Json = { name: "ride", uses: "person", with: { role: "rider", title: "Deliver", fields: { km: { type: "int" } } } };
      await t.run("w", { name: "w", stages: [{ name: "order", actions: [ask, { ...SET, name: "bake" }, ride] }] });
      await t.complete("order", "ask", { name: "ann", roles: ["approver:sre"] });
      await t.complete("order", "ask", { name: "bob", roles: ["approver:sre"] });
      await t.crash();
      await t.refuse("order", "ride", { name: "cid", roles: ["approver:rider"] });
      await t.retry();
      await t.complete("order", "ride", { name: "cid", roles: ["approver:rider"] });
      await t.complete("order", "ride", { name: "cid", roles: ["approver:rider"] });
    },
  },
  "completion-tokens": {
    targets: 1,
    async tell(t) {
      const token: Json = { token: "${{ task.token }}" };
      const way: Json = { uses: "touch", with: token, onUnknown: "ON_UNKNOWN_NEXT" };
      const send: Json = { name: "send", try: [way, way], completion: { within: "10s" } };
      const bill: Json = {
        name: "bill",
        uses: "touch",
        with: { ...token, hops: "${{ send.output.completion.hops }}" },
        completion: { within: "60s", missing: "COMPLETION_MISSING_FAILED" },
        retry: { attempts: 2, delay: "5s" },
      };
      await t.run("w", { name: "w", stages: [{ name: "s", actions: [send, bill] }], output: "stage('s').actions.send.output" });
      t.note("nobody acknowledges the first; the next is tried, and the first comes too late");
      await t.wait(10);
      await t.completeByToken(1, { hops: 1 });
      await t.crash();
      await t.completeByToken(9, {});
      await t.completeByToken(2, { hops: 3 });
      await t.completeByToken(2, { hops: 3 });
      await t.completeByToken(2, { hops: 4 });
      await t.completeByToken(3, "no money");
      await t.wait(5);
      await t.completeByToken(4, {});
    },
  },
  deadline: {
    targets: 2,
    async tell(t) {
      t.world.fleet.trouble("h0", "check", "hang", "hang");
      await t.run("w", { ...fix({ parallel: 2, maxFailures: { count: 2 } }, [{ ...SET, timeout: "600s" }]), deadline: "120s" });
      t.note("h0 hangs; what runs is ended when the workflow's time is over, though failures are within their budget");
      await t.wait(119);
      await t.crash();
      await t.wait(1);
      await t.retry();
    },
  },
  freeze: {
    targets: 4,
    async tell(t) {
      t.note("h0 and h2 are in site ams, h1 and h3 in fra");
      await t.freeze({ case: "label", value: { label: "site", value: "lhr" } });
      await t.submit("w", fix({ waves: [{ count: 2 }], pause: "60s" }));
      await t.exec();
      await t.freeze();
      await t.exec();
      await t.wait(120);
      await t.crash();
      await t.submit("other", fix({}));
      await t.thaw("f2");
      t.hosts();
    },
  },
  "needs-across-stages": {
    targets: 2,
    async tell(t) {
      t.world.fleet.trouble("h0", "apply", "fail");
      const action = (name: string, rest: Json = {}): Json => ({ name, uses: "set", with: { name, value: "1" }, ...rest });
      const over = { over: { targets: true } };
      t.note("h0 fails in the first stage, which lets the workflow go on; only h1 has what the second stage needs");
      await t.run("w", {
        name: "fix",
        targets: { where: "true" },
        stages: [
          { name: "get", ...over, actions: [action("fetch")], continueOnError: true },
          { name: "put", ...over, actions: [action("install", { needs: { actions: ["get.fetch"] } }), action("start")] },
          { name: "told", actions: [action("all", { needs: { actions: ["get.fetch"] } }), action("some", { needs: {} })] },
          { name: "clean", actions: [action("up")], needs: { stages: ["get", "told"] } },
          { name: "done" },
        ],
      });
      await t.crash();
      t.hosts();
      await t.retry();
    },
  },
  "undo-of-a-wave": {
    targets: 4,
    async tell(t) {
      t.world.fleet.trouble("h2", "apply", "fail");
      t.world.fleet.trouble("h3", "apply", "hang");
      const action = (name: string): Json => ({
        name,
        uses: "set",
        with: { name, value: "2" },
        undo: { uses: "set", with: { name, value: "1" } },
      });
      const told: Json = { name: "told", uses: "set", with: { name: "told", value: "1" } };
      t.note("h0 is the canary; h2 fails in the second wave, which is undone whole, through a crash; h3 hangs at its first action");
      await t.run("w", {
        name: "fix",
        targets: { where: "true" },
        stages: [
          {
            name: "fix",
            over: { targets: true },
            rollout: { waves: [{ count: 1 }, { count: 3 }], parallel: 3, pause: "10s" },
            actions: [action("stop"), action("up")],
            onFailure: [told],
            undo: "STAGE_UNDO_WAVE",
          },
        ],
      });
      await t.wait(10);
      await t.crash();
      t.hosts();
      await t.retry();
    },
  },
  alternatives: {
    targets: 3,
    async tell(t) {
      t.world.fleet.trouble("h1", "apply", "fail");
      t.world.fleet.trouble("h2", "apply", "hang");
      const way = (name: string, rest: Json = {}): Json => ({ uses: "touch", with: { name }, ...rest });
      t.note(
        "h1 fails at the first way; h2 hangs there, the service is killed, and nobody can say whether it was done: its author lets it go on",
      );
      await t.run(
        "w",
        fix({ maxFailures: { count: 1 } }, [
          { name: "send", try: [way("a", { onUnknown: "ON_UNKNOWN_NEXT" }), way("b"), way("c")], timeout: "10s" },
          { name: "told", uses: "set", with: { name: "by", value: "${{ string(send.alternative) }}" } },
        ]),
      );
      await t.crash();
      t.hosts();
    },
  },
  "what-handles-an-end": {
    targets: 3,
    async tell(t) {
      t.world.fleet.trouble("h1", "apply", "fail");
      t.world.fleet.trouble("h2", "apply", "hang");
      const action = (name: string): Json => ({ name, uses: "set", with: { name, value: "1" }, timeout: "10s" });
      t.note("h1 fails, which is one too many: h2, which hangs, is stopped; what handles the end of all three is done, through a crash");
      await t.run("w", {
        ...Object(fix({ parallel: 3 }, [action("a"), action("b")])),
        stages: [
          {
            name: "fix",
            over: { targets: true },
            actions: [action("a"), action("b")],
            onSuccess: [action("told")],
            onFailure: [action("undone")],
            always: [action("swept")],
          },
          { name: "next", actions: [action("more")] },
        ],
        onSuccess: [{ name: "cheer", actions: [action("hooray")] }],
        onFailure: [{ name: "page", actions: [action("somebody")] }],
        always: [{ name: "close", actions: [action("ticket")] }],
      });
      await t.crash();
      await t.wait(60);
      t.hosts();
      await t.retry();
      await t.wait(60);
    },
  },
  parallel: {
    targets: 4,
    async tell(t) {
      t.world.fleet.trouble("h0", "check", "hang");
      await t.run("w", fix({ parallel: 2, maxFailures: { count: 1 } }, [{ ...SET, timeout: "10s" }]));
      t.note("h0 hangs and keeps its place; the watchdog ends it 20 s after its time");
      await t.wait(30);
    },
  },
  "max-failures-count": {
    targets: 5,
    async tell(t) {
      for (const name of ["h0", "h2"]) t.world.fleet.trouble(name, "apply", "fail");
      t.world.fleet.trouble("h1", "check", "unreachable");
      await t.run("w", fix({ parallel: 1, maxFailures: { count: 2 } }));
      t.hosts();
    },
  },
  "max-failures-percent": {
    targets: 4,
    async tell(t) {
      t.world.fleet.trouble("h1", "apply", "fail");
      await t.run(
        "w",
        fix({ parallel: 1, maxFailures: { percent: 49 } }, [SET, { ...SET, name: "more", with: { name: "b", value: "1" } }]),
      );
      t.note("49% of 4 is one: h1 failed, its further task is skipped, the workflow has succeeded");
    },
  },
  "max-at-risk": {
    targets: 4,
    async tell(t) {
      t.world.fleet.trouble("h0", "apply", "fail");
      t.world.fleet.trouble("h1", "check", "unreachable");
      await t.run("w", fix({ parallel: 3, maxFailures: { count: 3 }, maxAtRisk: { count: 2 } }));
      t.note("h0 has failed and h1 was unreachable, both stay at risk: no other is begun until a person acts");
      await t.retry();
    },
  },
  "unknown-resolve": {
    targets: 3,
    async tell(t) {
      for (const name of ["h0", "h1", "h2"]) t.world.fleet.trouble(name, "apply", "lost-answer");
      await t.run("w", fix({ maxFailures: { count: 1 } }, [TOUCH, { ...SET, name: "after" }]));
      await t.resolve({ action: "apply", target: "h0" }, Resolution.SUCCEEDED);
      await t.resolve({ action: "apply", target: "h1" }, Resolution.FAILED);
      await t.resolve({ action: "apply", target: "h2" }, Resolution.RUN_AGAIN);
      await t.resolve({ action: "apply", target: "h2" }, Resolution.RUN_AGAIN);
      t.hosts();
    },
  },
  "crash-in-doubt": {
    targets: 3,
    async tell(t) {
      let isKilled = false;
      t.world.fleet.onStep = async ({ host, kind }) => {
        if (isKilled || host.name !== "h1" || kind !== "apply") return;
        isKilled = true;
        t.world.crash();
      };
      t.note("the service is killed just as h1's command begins: nobody can say whether it ran, the others were not affected");
      await t.submit("w", fix({ parallel: 1, maxFailures: { count: 1 } }, [TOUCH]));
      void t.world.engine
        .exec(ANN, { id: t.world.journal.findByRequest("default", requestId(1)) ?? "", namespace: "" }, "")
        .catch(() => undefined);
      await t.world.settle();
      await t.crash();
      await t.resolve({ action: "apply", target: "h1" }, Resolution.RUN_AGAIN);
      t.hosts();
    },
  },
  "retry-backoff": {
    targets: 1,
    async tell(t) {
      t.world.fleet.trouble("h0", "check", "unreachable");
      t.world.fleet.trouble("h0", "apply", "fail", "fail");
      await t.run("w", fix({}, [{ ...SET, retry: { attempts: 4, backoff: "2s", jitter: 0 } }]));
      await t.wait(2);
      await t.wait(4);
      await t.wait(8);
    },
  },
  "total-timeout": {
    targets: 1,
    async tell(t) {
      t.world.fleet.trouble("h0", "apply", "fail", "fail", "fail");
      await t.run("w", fix({}, [{ ...SET, totalTimeout: "10s", retry: { attempts: 9, delay: "4s" } }]));
      await t.wait(4);
      t.note("the third attempt may end at 8 s; a fourth would start at 12 s, and is not made");
      await t.wait(4);
    },
  },
  cancel: {
    targets: 3,
    async tell(t) {
      t.world.fleet.trouble("h0", "apply", "hang");
      await t.run("w", fix({ parallel: 2, waves: [{ count: 2 }], pause: "60s" }));
      await t.cancel();
      await t.cancel();
      t.hosts();
    },
  },
  pause: {
    targets: 3,
    async tell(t) {
      t.world.fleet.trouble("h0", "check", "hang");
      await t.run("w", fix({ parallel: 1, maxFailures: { count: 1 } }, [{ ...SET, timeout: "10s" }]));
      await t.pause();
      t.note("what runs goes on to its end, and nothing more starts");
      await t.wait(30);
      await t.unpause();
    },
  },
  "retry-after-failure": {
    targets: 4,
    async tell(t) {
      t.world.fleet.trouble("h1", "apply", "fail");
      await t.run("w", fix({ parallel: 1, waves: [{ count: 1 }], pause: "60s" }));
      await t.wait(60);
      await t.retry();
      t.note("h0 has succeeded: its wave is passed over, and without a pause");
      await t.wait(60);
      await t.wait(60);
      await t.retry();
      t.hosts();
    },
  },
  plan: {
    targets: 2,
    async tell(t) {
      t.world.fleet.host("h1").values.set("a", "1");
      const probe = { name: "rescan", uses: "probe", with: { n: "${{ size(apply.outcome) }}" } };
      await t.run(
        "w",
        fix({ waves: [{ count: 1 }], pause: "60s", maxFailures: { count: 0 } }, [
          SET,
          probe,
          { ...SET, name: "more", when: "rescan.output.n > 0" },
        ]),
        Mode.PLAN,
      );
      t.note("on h0 the rescan would look at what has not been changed: it is skipped, and so is what depends on it");
      t.hosts();
    },
  },
  "needs-graph": {
    targets: 1,
    async tell(t) {
      const set = (name: string, needs: string[]): Json => ({ name, uses: "set", with: { name, value: "1" }, needs: { actions: needs } });
      await t.run("w", fix({}, [set("left", []), set("right", []), set("join", ["left", "right"]), set("alone", [])]));
    },
  },
  "when-and-output": {
    targets: 2,
    async tell(t) {
      t.world.fleet.host("h1").values.set("done", "yes");
      const actions = [
        { name: "scan", uses: "probe" },
        { ...SET, when: "!has(scan.output.values.done)" },
        { ...SET, name: "last", when: "apply.outcome == 'SKIPPED'", with: { name: "b", value: "2" } },
      ];
      await t.run("w", fix({}, actions, { output: "{'changed': stage('fix').changed, 'skipped': stage('fix').skipped}" }));
    },
  },
  "locks-of-two-workflows": {
    targets: 2,
    async tell(t) {
      let isHeld = true;
      const { promise, resolve } = Promise.withResolvers<void>();
      t.world.fleet.onStep = async ({ host, kind }) => {
        if (isHeld && kind === "apply" && host.name === "h0") await promise;
      };
      await t.run("w", fix({ parallel: 1 }));
      await t.run("other", fix({ parallel: 1 }, [{ ...SET, with: { name: "a", value: "2" } }]));
      t.note("h0 is being changed by w; other waits for its lock");
      isHeld = false;
      resolve();
      await t.wait(0);
      t.hosts();
    },
  },
  "once-stages": {
    targets: 3,
    async tell(t) {
      t.world.fleet.trouble("h1", "apply", "fail");
      const once = (name: string, actions: Json[]): Json => ({ name, actions });
      const stages = [
        once("before", [{ name: "count", uses: "probe", with: { n: 7 } }]),
        {
          name: "fix",
          over: { targets: true },
          rollout: { maxFailures: { count: 1 } },
          actions: [{ ...SET, with: { name: "a", value: "${{ stage('before').actions.count.output.n }}" } }],
        },
        once("after", [
          {
            ...SET,
            name: "report",
            when: "stage('fix').failed > 0",
            with: { name: "failed", value: "${{ stage('fix').failed_targets }}" },
          },
        ]),
      ];
      await t.run("w", { name: "once", targets: { where: "true" }, stages });
      t.hosts();
    },
  },
};
