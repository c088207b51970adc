// A service for tests to kill: makes a transport, runs one command under a RunRef, and waits for it.
import { fromJson } from "@bufbuild/protobuf";
import { TargetSchema } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { systemClock } from "../../internal/system/clock.ts";
import { createTransport } from "../../internal/transport/transport.ts";

const order = JSON.parse(process.argv[2] ?? "{}");
const transport = createTransport({
  ...order.options,
  clock: systemClock,
  pace: { run: async (_origin, work) => work() },
  log: () => undefined,
});
await transport.run(fromJson(TargetSchema, order.target), {
  argv: ["sh", "-c", order.script],
  env: {},
  run: order.run,
  timeoutMs: 20_000,
  outputBytesMax: 100_000,
  signal: new AbortController().signal,
});
