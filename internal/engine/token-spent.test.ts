import type { JsonValue } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { AttemptOutcome } from "../gen/holdfast/v1/event_pb.ts";
import { OPERATOR, aGuardedWorld, oneStage } from "../../test/fakes/guarded-world.ts";
import { aLimit } from "../../test/fakes/policy-text.ts";
import { retryOf } from "../../test/fakes/retry-request.ts";

const SET = { name: "apply", uses: "set", with: { name: "a", value: "1" }, retry: { attempts: 2, delay: "1s" } };

test("a token is spent where a failed attempt may have changed something, though the next one finds nothing to do", async () => {
  const world = await aGuardedWorld({ targets: 2, policies: [aLimit({ terms: "tokens: 1, period: 1h" })] });
  world.fleet.trouble("h0", "apply", "fail");
  const { onStep } = world.fleet;
  world.fleet.onStep = async (step) => {
    // It fails, and has done it all the same.
    if (step.kind === "apply" && step.host.name === "h0") step.host.values.set("a", "1");
    await onStep(step);
  };
  const id = await world.launch(oneStage({ rollout: { parallel: 1 } }, [SET]));
  await world.pass(2);
  expect((await world.status(id)).counts).toMatchObject({ unchanged: 1, changed: 0 });
  expect(await world.whyText(id, "h1")).toContain("is used up");
  await world.pass(3_600);
  expect((await world.status(id)).counts).toMatchObject({ unchanged: 1, changed: 1 });
});

test("an action that only reads has used its token, whatever it found", async () => {
  const world = await aGuardedWorld({ targets: 2, policies: [aLimit({ terms: "tokens: 1, period: 1h" })] });
  const id = await world.launch(oneStage({ rollout: { parallel: 1 } }, [{ name: "look", uses: "probe", with: { n: 1 } }]));
  expect(await world.whyText(id, "h1")).toContain("is used up");
  await world.pass(3_600);
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("a token is spent where a failed attempt may have changed something, though the next one is put off", async () => {
  const world = await aGuardedWorld({ targets: 3, policies: [aLimit({ terms: "tokens: 2, period: 1h, burst: 2" })] });
  world.fleet.trouble("h1", "apply", "fail");
  world.fleet.trouble("h0", "apply", "fail", "fail");
  const id = await world.launch(oneStage({ rollout: { parallel: 2 } }, [SET]));
  // Both failed once. While h1 looks again, h0 fails for good, and nothing more may begin.
  world.holds = (step) => step === "check h1";
  await world.pass(2);
  expect(await world.phase(id)).toBe("RUNNING");
  await world.release();
  expect(await world.events(id, "attemptEnded")).toContainEqual(expect.objectContaining({ outcome: AttemptOutcome.DEFERRED, attempt: 2 }));
  expect(await world.phase(id)).toBe("FAILED");
  const next = await world.launch(oneStage({}, [SET]));
  expect(await world.whyText(next)).toContain("is used up");
  expect((await world.status(next)).counts).toMatchObject({ changed: 0, unchanged: 0 });
});

const TWO = { targets: 2, policies: [aLimit({ terms: "tokens: 2, period: 1h, burst: 2" })] };
const on = (name: string, action: { readonly [key: string]: JsonValue } = {}) => ({
  ...oneStage({}, [{ ...SET, ...action }]),
  targets: { names: [name] },
});

test("a token goes back where the first attempt of a later iteration found nothing to do", async () => {
  const world = await aGuardedWorld(TWO);
  await world.launch(on("h0", { repeat: { until: "!apply.changed", max: 3 } }));
  expect(world.changes).toBe(1);
  const next = await world.launch(on("h1"));
  expect(await world.phase(next)).toBe("SUCCEEDED");
});

test("a token goes back where the first attempt after a Retry found nothing to do", async () => {
  const world = await aGuardedWorld(TWO);
  world.fleet.trouble("h0", "apply", "fail");
  const id = await world.launch(on("h0", { retry: { attempts: 1 } }));
  world.fleet.host("h0").values.set("a", "1");
  await world.engine.retry(OPERATOR, retryOf({ id, namespace: "" }, "again"));
  await world.settle();
  expect((await world.status(id)).counts).toMatchObject({ unchanged: 1 });
  const next = await world.launch(on("h1"));
  expect(await world.phase(next)).toBe("SUCCEEDED");
});

test("a token is spent in every iteration where a failed attempt may have changed something, over a restart too", async () => {
  const world = await aGuardedWorld(TWO);
  const { onStep } = world.fleet;
  world.fleet.onStep = async (step) => {
    const isSecondIteration = step.context.attempt === 2;
    if (isSecondIteration && step.kind === "check") step.host.values.delete("a");
    // It fails, and has done it all the same.
    if (isSecondIteration && step.kind === "apply") step.host.values.set("a", "1");
    if (isSecondIteration && step.kind === "apply") world.fleet.trouble("h0", "apply", "fail");
    await onStep(step);
  };
  const id = await world.launch(on("h0", { repeat: { until: "apply.attempts >= 3", max: 3 } }));
  await world.restart();
  await world.pass(1);
  const ends = await world.events(id, "attemptEnded");
  const { CHANGED, FAILED, UNCHANGED } = AttemptOutcome;
  expect(ends.map(({ outcome }) => outcome)).toEqual([CHANGED, FAILED, UNCHANGED]);
  expect(await world.whyText(await world.launch(on("h1")))).toContain("is used up");
});

test("where a journal does not say which attempt took a token, as older ones, a later one gives none back", async () => {
  const world = await aGuardedWorld({ ...TWO, policies: [aLimit({ terms: "tokens: 1, period: 1h" })] });
  world.fleet.trouble("h0", "apply", "fail");
  const id = await world.launch(on("h0"));
  for (const { kind } of world.journal.entries.flatMap(({ guardEvents }) => guardEvents))
    if (kind.case === "limitsTaken") kind.value.attempt = 0;
  await world.restart();
  world.fleet.host("h0").values.set("a", "1");
  await world.pass(1);
  expect((await world.status(id)).counts).toMatchObject({ unchanged: 1 });
  expect(await world.whyText(await world.launch(on("h1")))).toContain("is used up");
});
