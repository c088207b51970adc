// gRPC health: the process serves whenever it answers at all, because it listens only after the engine has opened.
// 1. Health tells the names of services and nothing else, so it needs no token.

import type { ServiceImpl } from "@connectrpc/connect";
import { HoldfastError } from "../base/errors.ts";
import type { HealthCheckResponse } from "../gen/grpc/health/v1/health_pb.ts";
import { HealthCheckResponse_ServingStatus as ServingStatus } from "../gen/grpc/health/v1/health_pb.ts";
import type { Health } from "../gen/grpc/health/v1/health_pb.ts";
import type { Answers } from "./answer.ts";

/** `services`: full names; `shutdown` aborts when the service begins to end. */
export function createHealth(
  options: { readonly services: readonly string[]; readonly shutdown: AbortSignal },
  { unary, stream }: Answers,
): ServiceImpl<typeof Health> {
  const { services, shutdown } = options;
  const now = (): ServingStatus => (shutdown.aborted ? ServingStatus.NOT_SERVING : ServingStatus.SERVING);
  const isKnown = (service: string): boolean => service === "" || services.includes(service);
  return {
    check: unary(async ({ service }) => {
      if (!isKnown(service)) throw new HoldfastError("NOT_FOUND", `no such service; there are: ${services.join(", ")}`);
      return { status: now() };
    }),
    list: unary(async () => ({
      statuses: Object.fromEntries(
        services.map((name): [string, HealthCheckResponse] => [name, { $typeName: "grpc.health.v1.HealthCheckResponse", status: now() }]),
      ),
    })),
    watch: stream(async function* watch({ service }, { signal }) {
      yield { status: isKnown(service) ? now() : ServingStatus.SERVICE_UNKNOWN };
      await ended(signal);
      if (shutdown.aborted && isKnown(service)) yield { status: ServingStatus.NOT_SERVING };
    }),
  };
}

function ended(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
