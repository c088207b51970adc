import { once } from "node:events";
import * as http2 from "node:http2";
import { expect, test } from "vitest";
import { connect, constants } from "./late-http2.ts";

test("HTTP/2 that is loaded late is Node's own", async () => {
  expect(constants.NGHTTP2_CANCEL).toBe(http2.constants.NGHTTP2_CANCEL);
  const server = http2.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const client = connect(`http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`);
  await once(client, "connect");
  client.destroy();
  server.close();
});
