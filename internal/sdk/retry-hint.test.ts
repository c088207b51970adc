import { expect, onTestFinished, test } from "vitest";
import { ADMIN_TOKEN, startApi } from "../../test/fakes/api-server.ts";
import { FAKE_ID, fakeEngine } from "../../test/fakes/engine.ts";
import { HoldfastError } from "../base/errors.ts";
import { RECONNECT_DELAY_MS_MAX } from "../base/limits.ts";
import { connectClient } from "./client.ts";
import { persist } from "./persistence.ts";

test("a call for which there was no room is made again after the time that the service named, and not before", async () => {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { engine } = fakeEngine();
  let isInside = false;
  const unpause: typeof engine.unpause = async (_by, ref) => {
    isInside = true;
    await held;
    return engine.status(ref);
  };
  const api = await startApi({ engine: { unpause }, callsPerPrincipal: 1 });
  onTestFinished(() => api.stop());
  const client = connectClient({ address: api.address, token: ADMIN_TOKEN, callTimeoutMs: 10_000 });
  const workflow = { id: FAKE_ID, namespace: "" };
  const first = client.unpause({ workflow });
  await expect.poll(() => isInside).toBe(true);
  const delays: number[] = [];
  const patience = {
    clock: {
      nowMs: () => 0,
      after: (delayMs: number, callback: () => void) => {
        delays.push(delayMs);
        release();
        void first.then(callback);
        return () => undefined;
      },
    },
    giveUpAfterMs: 60_000,
    onTrouble: (error: HoldfastError) => expect(error).toMatchObject({ code: "RESOURCE_EXHAUSTED" }),
    onRecovered: () => undefined,
    signal: new AbortController().signal,
  };
  const status = await persist(patience, { isFirstContact: true }, () => client.status({ workflow }));
  expect(status.id).toBe(FAKE_ID);
  expect(delays).toEqual([1_000]);
  expect(RECONNECT_DELAY_MS_MAX).toBeGreaterThanOrEqual(1_000);
});

test("another lack of room is the caller's to know at once", async () => {
  const api = await startApi({
    engine: { unpause: async () => Promise.reject(new HoldfastError("RESOURCE_EXHAUSTED", "the disk is full")) },
  });
  onTestFinished(() => api.stop());
  const client = connectClient({ address: api.address, token: ADMIN_TOKEN, callTimeoutMs: 10_000 });
  const patience = {
    clock: { nowMs: () => 0, after: () => () => undefined },
    giveUpAfterMs: 60_000,
    onTrouble: () => undefined,
    onRecovered: () => undefined,
    signal: new AbortController().signal,
  };
  const call = persist(patience, { isFirstContact: true }, () => client.unpause({ workflow: { id: FAKE_ID, namespace: "" } }));
  await expect(call).rejects.toThrow("the disk is full");
});
