// The worker thread's entry: judges large scopes and chooses among many targets, off the event loop.
// 1. policy/worker-thread.ts starts it and speaks with it; it knows nothing but what it is sent.

import { parentPort } from "node:worker_threads";
import { present } from "../../internal/base/assert.ts";
import { WorkerDesk } from "../../internal/policy/worker-desk.ts";
import type { ToWorker } from "../../internal/policy/worker-message.ts";
import { selectTargets } from "../../internal/workflow/targets.ts";

const port = present(parentPort ?? undefined, "this module runs as a worker thread");
const desk = new WorkerDesk(selectTargets);

port.on("message", (message: ToWorker) => {
  const answer = desk.take(message);
  if (answer === undefined) return;
  port.postMessage(answer, answer.kind === "chosen" ? [answer.positions.buffer] : []);
});
