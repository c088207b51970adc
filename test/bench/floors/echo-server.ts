// The echo's own process: answers Status with the ID it was asked for, over HTTP/1.1 or HTTP/2. Run by test/bench/floors/echo.ts.
// 1. It prints its address when it listens, and ends when its stdin does: it never outlives the bench.

import { createServer as createHttp1Server } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { WorkflowService } from "../../../internal/gen/holdfast/v1/workflow_service_pb.ts";

const handler = connectNodeAdapter({
  routes: (router) => {
    router.service(WorkflowService, { status: ({ workflow }) => ({ status: { id: workflow?.id ?? "" } }) });
  },
});
const server = process.argv[2] === "1.1" ? createHttp1Server(handler) : createHttp2Server(handler);
server.listen(0, "127.0.0.1", () => {
  const bound = server.address();
  process.stdout.write(`http://127.0.0.1:${typeof bound === "object" && bound !== null ? bound.port : 0}\n`);
});
process.stdin.on("end", () => process.exit(0)).resume();
