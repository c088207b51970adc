import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { TaskOutcome } from "../gen/holdfast/v1/status_pb.ts";
import { ListTasksRequestSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { aGuardedWorld, oneStage } from "../../test/fakes/guarded-world.ts";

test("an apply that says it is done is not believed while the check still finds something to change", async () => {
  const world = await aGuardedWorld({ targets: 2 });
  world.fleet.onStep = async ({ host, kind }) => {
    // Something on the host puts it back at once.
    if (kind === "applied" && host.name === "h0") host.values.set("a", "0");
  };
  const id = await world.launch(oneStage({ rollout: { parallel: 1, maxFailures: { count: 1 } } }));
  const { tasks } = await world.engine.listTasks(create(ListTasksRequestSchema, { workflow: { id } }));
  expect(tasks.map(({ target, outcome, changed }) => [target, outcome, changed])).toEqual([
    ["h0", TaskOutcome.FAILED, false],
    ["h1", TaskOutcome.SUCCEEDED, true],
  ]);
  expect(tasks[0]?.error).toContain("the check afterwards still finds something to change");
});
