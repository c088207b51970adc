import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { SSH_SESSION_CALLS_MAX, SSH_SESSION_IDLE_MS } from "../base/limits.ts";
import { FakeClock } from "../../test/fakes/fake-clock.ts";
import type { ShimProcess } from "./exchange.ts";
import { IdleSessions } from "./idle-sessions.ts";

/** A process that ends with its input, as a shim does. */
const aSession = (calls = 1): ShimProcess => ({ child: spawn("cat", { stdio: "pipe" }), calls });
const ended = ({ child }: ShimProcess): Promise<unknown> => (child.exitCode === null ? once(child, "exit") : Promise.resolve());

test("the session that waited the shortest time is taken first, and each once", async () => {
  const sessions = new IdleSessions(new FakeClock());
  const [first, second] = [aSession(), aSession()];
  sessions.keep(first);
  sessions.keep(second);
  expect([sessions.take(), sessions.take(), sessions.take()]).toEqual([second, first, undefined]);
  for (const session of [first, second]) sessions.keep(session);
  sessions.close();
  await Promise.all([ended(first), ended(second)]);
});

test("a session waits for its time, and ends then", async () => {
  const [clock, session] = [new FakeClock(), aSession()];
  const sessions = new IdleSessions(clock);
  sessions.keep(session);
  clock.advance(SSH_SESSION_IDLE_MS - 1);
  expect(sessions.take()).toBe(session);
  sessions.keep(session);
  clock.advance(SSH_SESSION_IDLE_MS);
  expect(sessions.take()).toBeUndefined();
  await ended(session);
});

test("a session that has served enough ends, one call fewer is kept", async () => {
  const sessions = new IdleSessions(new FakeClock());
  const [spent, last] = [aSession(SSH_SESSION_CALLS_MAX), aSession(SSH_SESSION_CALLS_MAX - 1)];
  sessions.keep(spent);
  expect(sessions.take()).toBeUndefined();
  await ended(spent);
  sessions.keep(last);
  expect(sessions.take()).toBe(last);
  last.child.kill();
});

test("a session that ends by itself is not given out, and none is kept after the close", async () => {
  const sessions = new IdleSessions(new FakeClock());
  const [dead, late] = [aSession(), aSession()];
  sessions.keep(dead);
  dead.child.stdout?.resume();
  dead.child.kill("SIGKILL");
  await once(dead.child, "close");
  expect(sessions.take()).toBeUndefined();
  sessions.close();
  sessions.keep(late);
  expect(sessions.take()).toBeUndefined();
  await ended(late);
});
