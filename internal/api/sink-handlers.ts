// SinkService over the service's sinks.
// 1. What is wrong with a sink is part of an answer, never an error of the call.

import type { ServiceImpl } from "@connectrpc/connect";
import type { Sinks } from "../engine/ports.ts";
import type { SinkService } from "../gen/holdfast/v1/sink_service_pb.ts";
import type { Answers } from "./answer.ts";

/** The service's methods. */
export function createSinkHandlers(sinks: Sinks, { unary }: Answers): ServiceImpl<typeof SinkService> {
  return {
    listSinks: unary(async () => {
      const { sinks: found, fault } = sinks.list();
      return { sinks: [...found], fault: fault.slice(0, FAULT_LENGTH_MAX) };
    }),
    testSink: unary(async ({ name }, { signal }) => ({ error: await sinks.test(name, signal) })),
  };
}

const FAULT_LENGTH_MAX = 8_192;
