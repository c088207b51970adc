// Completion tokens on the whole core, with a kill in each window: what was acknowledged ends the attempt, and nothing is handed out twice.

import { expect, test } from "vitest";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { HoldfastError } from "../base/errors.ts";
import { JSON_DEPTH_MAX } from "../base/limits.ts";
import { Phase } from "../gen/holdfast/v1/status_pb.ts";
import { openSeal } from "../../test/fakes/fake-seal.ts";
import { World, aSubmission } from "../../test/fakes/world.ts";
import { completionToken, readToken } from "./completion-token.ts";
import { WorkflowId } from "../base/ids.ts";

const SEAL = openSeal("a key");
const SUBJECT = { id: WorkflowId.parse("019a9f1e-5c3a-7d10-8f00-0123456789ab"), task: 70_000, attempt: 70_000 };

interface Scene {
  readonly world: World;
  /** The tokens that were handed out, in order. */
  readonly tokens: string[];
  say(token: string, data?: JsonObject): Promise<string>;
}

function aWorkflow(action: { readonly [field: string]: JsonValue } = {}, more: readonly JsonValue[] = []): { [field: string]: JsonValue } {
  const post = { name: "post", uses: "touch", with: { token: "${{ task.token }}" }, completion: { within: "10s" }, ...action };
  return { name: "w", stages: [{ name: "s", actions: [post, ...more] }], output: "stage('s').actions.post.output.completion" };
}

async function aScene(): Promise<Scene> {
  const world = new World();
  const tokens: string[] = [];
  world.fleet.onToken = ({ token }) => void tokens.push(token);
  await world.start();
  const say = async (token: string, data: JsonObject = {}): Promise<string> => {
    try {
      await world.engine.completeByToken(token, { failed: false, reason: "", data });
      await world.settle();
      return "done";
    } catch (error) {
      if (error instanceof HoldfastError) return `${error.code}: ${error.message}`;
      throw error;
    }
  };
  return { world, tokens, say };
}

test("a token is of one attempt, the same in every life, and nobody makes one without the key", () => {
  const token = completionToken(SEAL, SUBJECT);
  expect(token).toMatch(/^hfc1\.[A-Za-z0-9_-]{54}$/);
  expect(completionToken(openSeal("a key"), SUBJECT)).toBe(token);
  expect(readToken(SEAL, token)).toEqual(SUBJECT);
  const forged = [completionToken(openSeal("another"), SUBJECT), `${token}A`, token.slice(0, -1), `x${token.slice(1)}`, "hfc1."];
  for (let at = 5; at < token.length; at++) forged.push(`${token.slice(0, at)}${token[at] === "A" ? "B" : "A"}${token.slice(at + 1)}`);
  for (const other of forged) expect(() => readToken(SEAL, other), other).toThrow("this service made no such token");
});

test("whoever has the token completes the task; its data is the workflow's output, and the token is in nothing that is kept", async () => {
  const { world, tokens, say } = await aScene();
  const show = { name: "show", uses: "probe", with: { seen: "${{ post.output.completion.by }}" } };
  const id = await world.run(aWorkflow({ uses: "probe" }, [show]));
  expect((await world.status(id)).waitingFor[0]?.message).toBe("s/post awaits its completion from outside");
  expect(await say(tokens[0] ?? "", { by: "a", echo: tokens[0] ?? "" })).toBe("done");
  const status = await world.status(id);
  expect(status.phase).toBe(Phase.SUCCEEDED);
  expect(JSON.stringify(status.output)).toContain('"by"');
  const kept = JSON.stringify(world.journal.entries, (_, value: unknown) => (typeof value === "bigint" ? Number(value) : value));
  expect(tokens).toHaveLength(1);
  expect(kept).not.toContain(tokens[0]?.slice(5, 30));
  expect(kept).toContain("***");
});

test("where the key of tokens is gone the service does not start while one is handed out; with the key all is as before", async () => {
  const { world, tokens, say } = await aScene();
  const { key } = world.sealKey;
  const id = await world.run(aWorkflow());
  world.crash();
  world.sealKey.key = undefined;
  for (let start = 0; start < 2; start++) await expect(world.start()).rejects.toThrow(`these workflows have handed out tokens: ${id}`);
  world.sealKey.key = key;
  await world.start();
  expect(await say(tokens[0] ?? "")).toBe("done");
  expect((await world.status(id)).phase).toBe(Phase.SUCCEEDED);
});

test.each([false, true])("where nobody holds a token that is still good, a new key is made; it was said early: %s", async (isEarly) => {
  const { world, tokens, say } = await aScene();
  if (isEarly) world.fleet.onStep = ({ kind }) => (kind === "applied" ? new Promise<never>(() => {}) : Promise.resolve());
  await world.run(aWorkflow({ uses: "send" }, [{ name: "sleep", uses: "wait", with: { for: "10s" } }]));
  expect(await say(tokens[0] ?? "")).toBe("done");
  world.crash();
  world.sealKey.key = undefined;
  await world.start();
  expect(world.sealKey.key).toBeDefined();
});

test("a forged token is refused and says nothing of workflows", async () => {
  const { world, tokens, say } = await aScene();
  await world.run(aWorkflow());
  const [token = ""] = tokens;
  expect(await say(`${token.slice(0, -2)}xx`)).toMatch(/^PERMISSION_DENIED: this service made no such token/);
});

test("the answer of a kill before the answer's own: the same again is answered as the first time", async () => {
  const { world, tokens, say } = await aScene();
  const id = await world.run(aWorkflow());
  world.crashAtAppend(0, true);
  void say(tokens[0] ?? "", { a: 1 });
  await world.settle();
  await world.start();
  expect((await world.status(id)).phase).toBe(Phase.SUCCEEDED);
  expect(await say(tokens[0] ?? "", { a: 1 })).toBe("done");
  expect(await say(tokens[0] ?? "", { a: 2 })).toMatch(/^ALREADY_EXISTS/);
});

test("a completion that a kill lost was not acknowledged, and is taken when it comes again", async () => {
  const { world, tokens, say } = await aScene();
  const id = await world.run(aWorkflow());
  world.crashAtAppend(0, false);
  void say(tokens[0] ?? "");
  await world.settle();
  await world.start();
  expect((await world.status(id)).phase).toBe(Phase.RUNNING);
  expect(await say(tokens[0] ?? "")).toBe("done");
  expect((await world.status(id)).phase).toBe(Phase.SUCCEEDED);
});

test("an early completion outlives a kill before its own work has ended, and nothing is handed out again", async () => {
  const { world, tokens, say } = await aScene();
  world.fleet.onStep = ({ kind }) => (kind === "applied" ? new Promise<never>(() => {}) : Promise.resolve());
  const id = await world.run(aWorkflow({ uses: "send" }));
  expect(await say(tokens[0] ?? "", { early: true })).toBe("done");
  expect((await world.status(id)).phase).toBe(Phase.RUNNING);
  world.crash();
  world.fleet.onStep = () => Promise.resolve();
  await world.start();
  expect((await world.status(id)).phase).toBe(Phase.SUCCEEDED);
  expect(tokens).toHaveLength(1);
  expect(await say(tokens[0] ?? "", { early: true })).toBe("done");
});

test("a kill while it awaits changes nothing: the token stays good, and the time goes on", async () => {
  const { world, tokens, say } = await aScene();
  const id = await world.run(aWorkflow());
  await world.clock.advanceAsync(6_000);
  world.crash();
  await world.start();
  await world.clock.advanceAsync(3_999);
  expect((await world.status(id)).phase).toBe(Phase.RUNNING);
  await world.clock.advanceAsync(1);
  expect((await world.status(id)).phase).toBe(Phase.WAITING);
  expect(await say(tokens[0] ?? "")).toMatch(/^FAILED_PRECONDITION: .*no completion came within 10s; the task is unknown/);
});

test("an attempt in doubt of which nobody knows whether it was handed out awaits the word of whoever has it", async () => {
  const { world, tokens, say } = await aScene();
  world.fleet.onStep = ({ kind }) => (kind === "applied" ? new Promise<never>(() => {}) : Promise.resolve());
  const id = await world.run(aWorkflow());
  world.fleet.isDown = () => true;
  world.crash();
  world.fleet.onStep = () => Promise.resolve();
  await world.start();
  expect((await world.status(id)).phase).toBe(Phase.RUNNING);
  expect(await say(tokens[0] ?? "")).toBe("done");
  expect((await world.status(id)).phase).toBe(Phase.SUCCEEDED);
  expect(tokens).toHaveLength(1);
});

test("each iteration of a repeat has a token of its own; those of earlier ones are late", async () => {
  const { world, tokens, say } = await aScene();
  const repeat = { until: "post.output.completion.last", max: 3 };
  const id = await world.run(aWorkflow({ repeat }));
  expect(await say(tokens[0] ?? "", { last: false })).toBe("done");
  expect(tokens).toHaveLength(2);
  expect(await say(tokens[0] ?? "", { last: true })).toMatch(/^ALREADY_EXISTS/);
  expect(await say(tokens[0] ?? "", { last: false })).toBe("done");
  expect(await say(tokens[1] ?? "", { last: true })).toBe("done");
  expect((await world.status(id)).phase).toBe(Phase.SUCCEEDED);
});

test("a plan hands out nothing and awaits nothing", async () => {
  const { world, tokens } = await aScene();
  const { id } = await world.engine.plan({ name: "ann", roles: ["admin"] }, aSubmission({ ...aWorkflow(), output: "" }));
  await world.settle();
  expect((await world.status(id)).phase).toBe(Phase.SUCCEEDED);
  expect(tokens).toEqual([]);
});

test("the token stands in arguments alone, and only of an action that awaits a completion", async () => {
  const { world } = await aScene();
  const submit = (action: { readonly [field: string]: JsonValue }): Promise<unknown> => world.run(aWorkflow(action));
  await expect(submit({ when: "task.token != ''" })).rejects.toThrow("token");
  await expect(submit({ uses: "wait", with: { for: "1s" } })).rejects.toThrow("hands out nothing");
  const plain: JsonValue = {
    name: "w",
    stages: [{ name: "s", actions: [{ name: "a", uses: "touch", with: { token: "${{ task.token }}" } }] }],
  };
  await expect(world.run(plain)).rejects.toThrow("token");
});

test("what an outside system says of a workflow's secrets is hidden, as what its own tasks put out is", async () => {
  const { world, tokens, say } = await aScene();
  world.secrets.set("db", "hunter2-long");
  const handed = { with: { token: "${{ task.token }}", n: "${{ secret('db') }}" } };
  const id = await world.run(aWorkflow(handed));
  expect(await say(tokens[0] ?? "", { echo: ["you sent hunter2-long"] })).toBe("done");
  const status = await world.status(id);
  expect(status.phase).toBe(Phase.SUCCEEDED);
  const kept = JSON.stringify(world.journal.entries, (_, value: unknown) => (typeof value === "bigint" ? Number(value) : value));
  expect(kept).toContain("you sent ***");
  expect(kept).not.toContain("hunter2");
  expect(await say(tokens[0] ?? "", { echo: ["you sent hunter2-long"] }), "the same again").toBe("done");
});

test("data that is nested deep is kept as it is, and what is nested too deep is refused", async () => {
  const { world, tokens, say } = await aScene();
  const id = await world.run(aWorkflow({}, [{ name: "more", uses: "wait", with: { for: "1s" } }]));
  const deep = (levels: number): JsonObject => (levels === 1 ? { bottom: true } : { a: deep(levels - 1) });
  expect(await say(tokens[0] ?? "", deep(JSON_DEPTH_MAX + 2))).toMatch(/^INVALID_ARGUMENT: .*nested deeper/);
  expect(await say(tokens[0] ?? "", deep(150))).toBe("done");
  await world.clock.advanceAsync(1_000);
  expect((await world.status(id)).phase).toBe(Phase.SUCCEEDED);
});

test("what was said in the generation before is answered as the first time; another answer is not taken for the next one", async () => {
  const { world, tokens, say } = await aScene();
  const id = await world.run({ ...aWorkflow(), continueAsNew: { while: "true" } });
  await world.clock.advanceAsync(1_000);
  expect(await say(tokens[0] ?? "", { a: 1 })).toBe("done");
  expect((await world.status(id)).generation).toBe(2);
  world.crash();
  await world.start();
  expect(await say(tokens[0] ?? "", { a: 1 })).toBe("done");
  expect(await say(tokens[0] ?? "", { a: 2 })).toMatch(/^ALREADY_EXISTS/);
  await world.clock.advanceAsync(1_000);
  expect(await say(tokens[1] ?? "")).toBe("done");
  expect([(await world.status(id)).generation, tokens.length]).toEqual([3, 3]);
  expect(await say(tokens[0] ?? "", { a: 1 })).toMatch(/^FAILED_PRECONDITION/);
});
