// Node's HTTP/2, loaded when it is first used, for the bundle: the client speaks HTTP/1.1, and loading it is a tenth of a command's time.
// 1. scripts/ensure.mjs puts it in the place of node:http2 in dist/cli, and nowhere else.

import type * as Http2 from "node:http2";

const http2 = (): typeof Http2 => process.getBuiltinModule("node:http2");

/** As node:http2 has it. */
export function connect(...args: Parameters<typeof Http2.connect>): Http2.ClientHttp2Session {
  return http2().connect(...args);
}

/** As node:http2 has them. */
export const constants: typeof Http2.constants = new Proxy(Object.create(null), {
  get: (_none, name) => Reflect.get(http2().constants, name),
});
