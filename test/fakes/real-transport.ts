// The service's own transport as tests of actions use it: local targets, with statuses of runs in a directory of the test.
// 1. It is no fake: the shim runs, and its files are on disk.

import { onTestFinished } from "vitest";
import type { Transport } from "../../internal/engine/ports.ts";
import { systemClock } from "../../internal/system/clock.ts";
import { createTransport } from "../../internal/transport/transport.ts";
import { temporaryDirectory } from "./temp-directory.ts";

/** Makes a transport that is closed when the test has finished. */
export function createRealTransport(): Transport {
  const transport = createTransport({
    stateDir: temporaryDirectory(),
    controlDir: temporaryDirectory(),
    clock: systemClock,
    pace: { run: (_origin, work) => work() },
    env: process.env,
    log: () => undefined,
    graceMs: 1_000,
    ssh: { connectTimeoutMs: 5_000, aliveIntervalMs: 5_000, idleMs: 5_000 },
  });
  onTestFinished(() => transport.close());
  return transport;
}
