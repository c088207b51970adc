import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { Mode } from "../gen/holdfast/v1/event_pb.ts";
import { FreezeMode } from "../gen/holdfast/v1/policy_pb.ts";
import { ThawRequestSchema } from "../gen/holdfast/v1/guard_service_pb.ts";
import { GuardedWorld, OPERATOR, aGuardedWorld, oneStage } from "../../test/fakes/guarded-world.ts";
import type { ScopeKind } from "../../test/fakes/guarded-world.ts";
import { aSubmission, requestId } from "../../test/fakes/world.ts";
import { retryOf } from "../../test/fakes/retry-request.ts";

const ref = (id: string) => ({ id, namespace: "" });
const some = (...names: string[]) => ({ targets: { names } });
const TOUCH = oneStage({}, [{ name: "apply", uses: "touch" }]);
const SCOPES: Readonly<Record<string, ScopeKind>> = {
  everything: { case: "everything", value: true },
  namespace: { case: "namespace", value: "default" },
  "workflow name": { case: "workflowName", value: "test" },
  label: { case: "label", value: { label: "site", value: "ams" } },
};
const FILE = { kind: "present" as const, path: "/data/FREEZE" };

test.each(Object.entries(SCOPES))("a freeze of %s refuses Submit, Exec and Retry, and the thaw lets them pass", async (_, scope) => {
  const world = await aGuardedWorld();
  const { id } = await world.submit();
  world.fleet.trouble("h0", "apply", "fail");
  const failed = await world.launch({ name: "test" });
  expect(await world.phase(failed)).toBe("FAILED");
  const { id: freeze } = await world.freezeScope(scope);
  const frozen = { code: "FAILED_PRECONDITION", message: expect.stringContaining(`holdfast thaw ${freeze}`) };
  await expect(world.submit()).rejects.toMatchObject(frozen);
  await expect(world.submit({}, { parts: { validateOnly: true } })).rejects.toMatchObject(frozen);
  await expect(world.submit({}, { mode: Mode.PLAN })).rejects.toMatchObject(frozen);
  await expect(world.exec(id)).rejects.toMatchObject(frozen);
  await expect(world.engine.retry(OPERATOR, retryOf(ref(failed), "again"))).rejects.toMatchObject(frozen);
  await world.engine.explain(OPERATOR, aSubmission());
  await world.restart();
  await expect(world.exec(id)).rejects.toMatchObject(frozen);
  await world.thaw(freeze);
  await world.exec(id);
  expect(await world.phase(id)).toBe("SUCCEEDED");
  await world.engine.retry(OPERATOR, retryOf(ref(failed), "again"));
  await world.settle();
  expect(await world.phase(failed)).toBe("SUCCEEDED");
});

test("other workflows, namespaces and targets are not frozen with it", async () => {
  const world = await aGuardedWorld();
  await world.freezeScope({ case: "workflowName", value: "other" });
  await world.freezeScope({ case: "namespace", value: "other" });
  await world.freezeScope({ case: "label", value: { label: "site", value: "lhr" } });
  expect(await world.phase(await world.launch())).toBe("SUCCEEDED");
});

test("a repeated Submit is answered in a freeze as it was before", async () => {
  const world = await aGuardedWorld();
  const request = aSubmission(undefined, { requestId: requestId(77) });
  const first = await world.engine.submit(OPERATOR, request, Mode.APPLY);
  await world.freezeAll();
  expect(await world.engine.submit(OPERATOR, request, Mode.APPLY)).toEqual(first);
});

test("in a freeze nothing further starts, what was checking changes nothing, and a restart changes nothing of that", async () => {
  const world = await aGuardedWorld({ targets: 4 });
  world.holds = (step) => step.startsWith("check ");
  const id = await world.launch(oneStage({ rollout: { parallel: 2 } }));
  await world.freezeAll();
  await world.release();
  expect(world.changes).toBe(0);
  expect(await world.phase(id)).toBe("FROZEN");
  await world.restart();
  await world.pass(100);
  expect(world.changes).toBe(0);
  expect(await world.phase(id)).toBe("FROZEN");
  expect(await world.whyText(id, "h0")).toContain("frozen by f1 (everything, by olga): stop it");
  await world.thaw("f1");
  expect(await world.phase(id)).toBe("SUCCEEDED");
  expect(world.changes).toBe(4);
});

test("the file FREEZE between ApplyStarted and the apply keeps the apply from being made", async () => {
  const world = await aGuardedWorld({ targets: 1 });
  world.journal.onAppend = (entry) => {
    if (entry.events.some(({ kind }) => kind.case === "applyStarted")) world.stopFile.set(FILE);
  };
  const id = await world.launch(TOUCH);
  expect(await world.events(id, "applyStarted")).toHaveLength(1);
  expect(world.changes).toBe(0);
  expect(await world.phase(id)).toBe("FROZEN");
  expect(await world.whyText(id)).toContain("the file /data/FREEZE");
  await world.restart();
  expect(await world.phase(id)).toBe("FROZEN");
  world.stopFile.set({ kind: "absent" });
  await world.settle();
  expect(await world.phase(id)).toBe("SUCCEEDED");
  expect(world.changes).toBe(1);
});

test("a freeze whose file cannot be examined is one too; thaw refuses while it is there and names it", async () => {
  const world = await aGuardedWorld();
  await world.freezeAll();
  for (const look of [FILE, { kind: "unreadable" as const, path: "/data/FREEZE", reason: "EIO" }]) {
    world.stopFile.set(look);
    await expect(world.submit()).rejects.toMatchObject({ code: "FAILED_PRECONDITION", message: expect.stringContaining("/data/FREEZE") });
    await expect(world.thaw("f1")).rejects.toMatchObject({ code: "FAILED_PRECONDITION", message: expect.stringContaining("/data/FREEZE") });
  }
  world.stopFile.set({ kind: "absent" });
  await world.thaw("f1");
  await expect(world.thaw("f1")).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("what runs comes to its end in a freeze that lets it; the proof names it, past the point of no return or not", async () => {
  const world = await aGuardedWorld({ targets: 3 });
  world.holds = (step) => step === "apply h0" || step === "check h1";
  const id = await world.launch(oneStage({ rollout: { parallel: 2 } }));
  const { proof } = await world.freezeAll();
  expect(proof).toMatchObject({ acknowledged: [id], acknowledgedCount: 1, inFlightCount: 1, pastReturnCount: 1 });
  expect(proof?.inFlight).toMatchObject([{ workflow: id, stage: "fix", action: "apply", target: "h1" }]);
  expect(proof?.pastReturn).toMatchObject([{ target: "h0" }]);
  await world.release();
  const after = (await world.engine.freezes()).proof;
  expect(after).toMatchObject({ acknowledged: [id], inFlightCount: 0, pastReturnCount: 0, freezes: [{ id: "f1", by: "olga" }] });
  expect(world.changes).toBe(1);
  expect((await world.status(id)).counts).toMatchObject({ changed: 1 });
  await world.thaw("f1");
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test.each(["check", "apply"] as const)(
  "an idempotent task that a freeze ended in its %s goes on after the thaw, over a crash too",
  async (step) => {
    const world = await aGuardedWorld({ targets: 1 });
    world.fleet.trouble("h0", step, "hang");
    const id = await world.launch();
    await world.freezeAll(FreezeMode.ABORT);
    expect((await world.status(id)).counts).toMatchObject({ running: 0 });
    expect(await world.phase(id)).toBe("FROZEN");
    await world.restart();
    expect(await world.phase(id)).toBe("FROZEN");
    await world.thaw("f1");
    expect(await world.phase(id)).toBe("SUCCEEDED");
    expect(await world.events(id, "attemptStarted")).toMatchObject([{ attempt: 1 }, { attempt: 2 }]);
  },
);

test("an idempotent task that a freeze ended while it was looked at after its apply goes on after the thaw", async () => {
  const world = await aGuardedWorld({ targets: 1 });
  world.fleet.onStep = async ({ kind }) => {
    if (kind === "applied") world.fleet.trouble("h0", "check", "hang");
  };
  const id = await world.launch();
  await world.freezeAll(FreezeMode.ABORT);
  expect(await world.phase(id)).toBe("FROZEN");
  await world.thaw("f1");
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("an idempotent task in doubt after a crash in a freeze that aborts goes on after the thaw", async () => {
  const world = await aGuardedWorld({ targets: 1 });
  world.holds = (step) => step === "apply h0";
  const id = await world.launch(oneStage({}, [{ name: "apply", uses: "send" }]));
  await world.freezeAll(FreezeMode.FINISH);
  await world.freezeAll(FreezeMode.ABORT);
  world.holds = () => false;
  await world.restart();
  expect(await world.phase(id)).toBe("FROZEN");
  expect(world.changes).toBe(0);
  await world.thaw("f1");
  await world.thaw("f2");
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("an unsafe task that had begun when a freeze ended it is unknown; one that had not goes on after the thaw", async () => {
  const world = await aGuardedWorld({ targets: 2 });
  world.fleet.trouble("h0", "apply", "hang");
  world.holds = (step) => step === "check h1";
  const id = await world.launch(oneStage({ rollout: { parallel: 2, maxFailures: { count: 5 } } }, [{ name: "apply", uses: "touch" }]));
  await world.freezeAll(FreezeMode.ABORT);
  expect((await world.status(id)).counts).toMatchObject({ unknown: 1 });
  expect(await world.phase(id)).toBe("FROZEN");
  await world.restart();
  await world.thaw("f1");
  expect(await world.phase(id)).toBe("WAITING");
  expect(world.fleet.host("h1").changes).toEqual(["touch"]);
});

test("FROZEN never becomes an end: not past the budget, not when the last task has ended; only after the thaw", async () => {
  for (const trouble of [true, false]) {
    const world = await aGuardedWorld({ targets: 1 });
    world.holds = (step) => step.startsWith("apply ");
    if (trouble) world.fleet.trouble("h0", "apply", "fail");
    const id = await world.launch();
    await world.freezeAll();
    await world.release();
    expect((await world.status(id)).counts).toMatchObject(trouble ? { failed: 1 } : { changed: 1 });
    expect(await world.phase(id)).toBe("FROZEN");
    await world.restart();
    await world.pass(100);
    expect(await world.phase(id)).toBe("FROZEN");
    await world.thaw("f1");
    expect(await world.phase(id)).toBe(trouble ? "FAILED" : "SUCCEEDED");
  }
});

test("a retry that falls due in a freeze waits for the thaw", async () => {
  const world = await aGuardedWorld({ targets: 1 });
  world.fleet.trouble("h0", "apply", "fail");
  const set = { name: "apply", uses: "set", with: { name: "a", value: "1" }, retry: { attempts: 2, delay: "10s" } };
  for (const scope of [SCOPES["everything"], SCOPES["label"]]) {
    if (scope === undefined) continue;
    world.fleet.host("h0").values.clear();
    world.fleet.host("h0").troubles.set("apply", ["fail"]);
    const id = await world.launch(oneStage({}, [set]));
    const { id: freeze } = await world.freezeScope(scope);
    await world.pass(60);
    expect(await world.phase(id)).toBe("FROZEN");
    expect(await world.whyText(id, "h0")).toContain(freeze);
    await world.thaw(freeze);
    expect(await world.phase(id)).toBe("SUCCEEDED");
  }
});

test("a freeze of a label stops only its targets; when nothing else can go on the workflow is FROZEN", async () => {
  const world = await aGuardedWorld({ targets: 6 });
  world.holds = (step) => step.startsWith("check ");
  const id = await world.launch(oneStage({ rollout: { parallel: 2 } }));
  const { proof } = await world.freezeScope({ case: "label", value: { label: "site", value: "ams" } });
  expect(proof?.inFlight).toMatchObject([{ target: "h0" }]);
  expect(await world.phase(id)).toBe("RUNNING");
  await world.release();
  const changed = () => [0, 1, 2, 3, 4, 5].filter((n) => world.fleet.host(`h${n}`).changes.length > 0);
  expect(changed()).toEqual([1, 3, 5]);
  expect(await world.phase(id)).toBe("FROZEN");
  expect(await world.whyText(id, "h2")).toContain("targets with site=ams");
  await world.restart();
  expect(await world.phase(id)).toBe("FROZEN");
  await world.thaw("f1");
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("many freezes on one workflow: each thaw lets go on what nothing else freezes", async () => {
  const world = new GuardedWorld({ targets: 25 });
  world.targets = world.targets.map((target, index) => ({ ...target, labels: { rack: `r${index}` } }));
  await world.start();
  world.holds = (step) => step.startsWith("check ");
  const id = await world.launch();
  for (let rack = 0; rack < 25; rack++) await world.freezeScope({ case: "label", value: { label: "rack", value: `r${rack}` } });
  await world.release();
  expect(await world.phase(id)).toBe("FROZEN");
  for (let n = 25; n > 0; n--) {
    await world.thaw(`f${n}`);
    expect(world.changes).toBe(26 - n);
  }
  expect(await world.phase(id)).toBe("SUCCEEDED");
});

test("a pause and a cancel in a freeze are taken: a cancelled one ends, a paused one goes on when both are over", async () => {
  const world = await aGuardedWorld({ targets: 2 });
  world.holds = (step) => step.startsWith("check ");
  const paused = await world.launch(some("h0"));
  const cancelled = await world.launch(some("h1"));
  await world.freezeAll(FreezeMode.ABORT);
  await world.engine.pause(OPERATOR, ref(paused), "lunch");
  await world.engine.cancel(OPERATOR, ref(cancelled), "no");
  await world.release();
  expect([await world.phase(paused), await world.phase(cancelled)]).toEqual(["FROZEN", "CANCELLED"]);
  await world.restart();
  await world.engine.unpause(OPERATOR, ref(paused));
  await world.settle();
  expect(world.changes).toBe(0);
  await world.engine.pause(OPERATOR, ref(paused), "lunch");
  await world.thaw("f1");
  expect(await world.phase(paused)).toBe("PAUSED");
  expect(world.changes).toBe(0);
  await world.engine.unpause(OPERATOR, ref(paused));
  await world.settle();
  expect(await world.phase(paused)).toBe("SUCCEEDED");
});

test("a thaw by scope lifts all of it, and says what is left", async () => {
  const world = await aGuardedWorld();
  await world.freezeAll();
  await world.freezeAll(FreezeMode.ABORT);
  await world.freezeScope({ case: "namespace", value: "other" });
  const { ids, left } = await world.engine.thaw(
    OPERATOR,
    create(ThawRequestSchema, { scope: { kind: { case: "everything", value: true } }, reason: "over" }),
  );
  expect(ids).toEqual(["f1", "f2"]);
  expect(left).toMatchObject([{ id: "f3" }]);
});

test("a crash at any append of a freeze and its thaw loses nothing that was acknowledged, and does nothing twice", async () => {
  for (const isDurable of [false, true]) {
    for (let at = 0; at < 12; at++) {
      const world = await aGuardedWorld({ targets: 2 });
      world.holds = (step) => step === "apply h0";
      const id = await world.launch(TOUCH);
      world.crashAtAppend(at, isDurable);
      const freeze = await Promise.race([
        world.freezeAll().then(
          () => true,
          () => false,
        ),
        world.settle(40).then(() => false),
      ]);
      world.holds = () => false;
      if (!world.isUp) {
        world.standing.clear();
        await world.start();
        if (freeze) expect((await world.engine.freezes()).proof?.freezes).toHaveLength(1);
      }
      await world.release();
      if (!world.isUp) await world.start();
      for (const { id: frozen } of (await world.engine.freezes()).proof?.freezes ?? [])
        await Promise.race([world.thaw(frozen).catch(() => undefined), world.settle(40)]);
      if (!world.isUp) await world.start();
      for (const { id: frozen } of (await world.engine.freezes()).proof?.freezes ?? []) await world.thaw(frozen);
      await world.settle();
      expect(["SUCCEEDED", "WAITING"]).toContain(await world.phase(id));
      for (const host of world.fleet.hosts.values()) expect(host.changes.length).toBeLessThanOrEqual(1);
    }
  }
});
