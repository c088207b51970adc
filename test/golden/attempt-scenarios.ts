// Stories about attempts: when they are tried again, how long they may take, and numbers that are parameters.

import { create } from "@bufbuild/protobuf";
import type { TaskName } from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { TaskNameSchema } from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { waitAction } from "../../internal/action/wait.ts";
import { SET, fix } from "./scenario.ts";
import type { Json, Scenario } from "./scenario.ts";

function aTaskName(stage: string, action: string, target: string): TaskName {
  return create(TaskNameSchema, { stage, action, target });
}

/** All of them by the name of their file. */
export const ATTEMPT_SCENARIOS: Readonly<Record<string, Scenario>> = {
  "schedule-timeout": {
    targets: 1,
    async tell(t) {
      t.note("3 attempts, a minute apart, and 90 s from the moment at which it may start to its end: it survives a restart");
      t.world.fleet.trouble("h0", "apply", "fail", "fail", "fail");
      await t.run("w", fix({}, [{ ...SET, scheduleTimeout: "90s", retry: { attempts: 3, delay: "60s" } }]));
      await t.crash();
      await t.wait(60);
      t.note("while its host is frozen its time goes on");
      await t.retry();
      await t.freeze({ case: "label", value: { label: "site", value: "ams" } });
      await t.crash();
      await t.wait(90);
    },
  },
  "retry-on": {
    targets: 2,
    async tell(t) {
      t.note("only what could not be reached is tried again: ten times, every five seconds");
      for (const name of ["h0", "h1"]) t.world.fleet.trouble(name, "check", "unreachable", "unreachable");
      t.world.fleet.trouble("h1", "apply", "fail");
      await t.run(
        "w",
        fix({ maxFailures: { count: 1 } }, [{ ...SET, retry: { attempts: 10, delay: "5s", on: ["RETRY_ON_UNREACHABLE"] } }]),
      );
      await t.wait(5);
      await t.wait(5);
    },
  },
  rounds: {
    targets: 2,
    async tell(t) {
      const again: Json = { name: "send", uses: "send", with: { n: 1 } };
      const report: Json = { name: "report", actions: [{ name: "look", uses: "probe", with: { n: 1 } }] };
      const stages: Json[] = [{ name: "fix", over: { targets: true }, actions: [again, { ...SET, name: "after" }] }, report];
      await t.run("w", { name: "fix", targets: { where: "true" }, stages });
      t.note("round 2: one task; what comes after it, in its stage and in later ones, does not run again");
      await t.redo({ case: "task", value: aTaskName("fix", "send", "h1") });
      t.note("round 3: a stage; what is there already is found so");
      await t.redo({ case: "stage", value: "fix" });
      t.note("round 4: all of it, with a crash in the middle");
      t.world.fleet.trouble("h0", "apply", "hang");
      await t.redo({ case: "all", value: true });
      await t.crash();
      await t.wait(700);
      t.note("it says when there is nothing of that name");
      await t.redo({ case: "stage", value: "fixx" });
      t.hosts();
    },
  },
  "repeat-action": {
    targets: 1,
    async tell(t) {
      t.note("a host is asked every 30 s until it says so, through a crash; the tasks after it see what the last iteration put out");
      const repeat: Json = { until: "ask.attempts >= 3", max: 5, every: "30s" };
      const after: Json = {
        name: "after",
        uses: "probe",
        with: { n: 1, seen: "${{ ask.attempts }} tries, key ${{ task.key.endsWith('.1') }}" },
      };
      await t.run("w", fix({}, [{ name: "ask", uses: "probe", with: { n: 1 }, repeat }, after]));
      await t.wait(29);
      await t.crash();
      await t.wait(1);
      await t.wait(30);
      t.note("after its last iteration it fails, and a Retry begins anew");
      await t.run("never", fix({}, [{ ...SET, repeat: { until: "apply.attempts > 9", max: 2 } }]));
      await t.retry("never");
    },
  },
  "repeat-stage": {
    targets: 2,
    async tell(t) {
      t.note("all of the stage again, a minute later, until nothing was left to change");
      const repeat: Json = { until: "stage('fix').changed == 0", max: 3, every: "60s" };
      const stages: Json[] = [{ name: "fix", over: { targets: true }, actions: [SET], repeat }];
      await t.run("w", { name: "fix", targets: { where: "true" }, stages });
      await t.crash();
      await t.wait(60);
      t.note("after its last iteration it fails");
      const never: Json = { until: "stage('fix').changed > 0", max: 2 };
      await t.run("never", { name: "fix", targets: { where: "true" }, stages: [{ ...stages[0], repeat: never }] });
      await t.retry("never");
    },
  },
  heartbeat: {
    targets: 1,
    async tell(t) {
      t.note(
        "what gives no sign of life for 30 s is ended as if its time were over: an unsafe command of which it is known that it ended is tried again",
      );
      const work: Json = {
        name: "work",
        uses: "touch",
        with: { n: 1 },
        timeout: "600s",
        heartbeat: "30s",
        retry: { attempts: 3, delay: "5s", on: ["RETRY_ON_TIMED_OUT"] },
      };
      t.world.fleet.trouble("h0", "apply", "silent", "silent");
      await t.run("w", fix({}, [work]));
      await t.wait(29);
      t.note("a pause of the workflow is not its matter");
      await t.pause();
      await t.wait(1);
      await t.unpause();
      await t.wait(5);
      t.note("killed in the middle of a silence: it is settled by looking, as ever");
      await t.wait(10);
      await t.crash();
    },
  },
  "two-days-between": {
    targets: 2,
    async tell(t) {
      t.note("examples/scan-and-fix with two days between the repairs and the second scan; the service is killed in each of them");
      t.world.fleet.add(waitAction(t.world.clock));
      const over: Json = { over: { targets: true }, rollout: { maxFailures: { count: 1 } } };
      const scan: Json = { name: "scan", uses: "probe", with: { n: 1 } };
      const stages: Json[] = [
        { name: "fix", ...over, actions: [scan, { name: "repair", uses: "set", with: { name: "level", value: "info" } }] },
        { name: "settle", actions: [{ name: "wait", uses: "wait", with: { for: "${{ params.rescan_after }}" } }] },
        {
          name: "rescan",
          ...over,
          actions: [scan, { name: "report", uses: "set", with: { name: "report", value: "${{ scan.outcome }}" } }],
        },
      ];
      const params: Json = { rescan_after: { defaultValue: "2d" } };
      await t.run("w", { name: "scan-and-fix", params, targets: { where: "true" }, stages });
      await t.wait(86_000);
      await t.crash();
      await t.wait(86_000);
      await t.crash();
      await t.wait(799);
      t.note("the two days were counted from the first attempt's start: no restart made them longer");
      await t.wait(1);
      t.hosts();
    },
  },
  "computed-numbers": {
    targets: 3,
    async tell(t) {
      t.note("how many tries, and how many at a time, are parameters: their values are frozen, and a restart evaluates nothing");
      const params: Json = { tries: { type: "PARAM_TYPE_INT", defaultValue: 2 }, slowly: { type: "PARAM_TYPE_BOOL", defaultValue: true } };
      const computed: Json = {
        "stages[0].actions[0].retry.attempts": "params.tries",
        "stages[0].actions[0].retry.delay": "string(params.tries * 5) + 's'",
        "stages[0].rollout.parallel": "params.slowly ? 1 : 20",
        "stages[0].rollout.max_failures": "params.slowly ? '34%' : '100%'",
      };
      t.world.fleet.trouble("h0", "apply", "fail", "fail");
      await t.run("w", fix({}, [SET], { params, computed }));
      await t.crash();
      await t.wait(10);
      t.note("a value that could not be written at its place is refused");
      await t.submit(
        "bad",
        fix({}, [SET], {
          params: { tries: { type: "PARAM_TYPE_INT", defaultValue: 0 } },
          computed: { "stages[0].actions[0].retry.attempts": "params.tries" },
        }),
      );
    },
  },
};
