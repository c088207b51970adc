// The address that the service listens on: loopback only, until there is TLS.
// 1. Names are not resolved, `localhost` aside: what looks like another host is refused, wherever it points to.

import { HoldfastError } from "../base/errors.ts";

const LOOPBACK = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|localhost)$/;

/** Host and port of an address to listen on; refuses all but loopback. */
export function parseListen(listen: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(listen);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || host === "" || port > 65_535) {
    throw new HoldfastError(
      "INVALID_ARGUMENT",
      `the address to listen on must be HOST:PORT, such as 127.0.0.1:7543 or [::1]:7543; found "${listen}"`,
    );
  }
  if (!LOOPBACK.test(host)) {
    throw new HoldfastError(
      "INVALID_ARGUMENT",
      `refused to listen on ${listen}: until TLS exists, only loopback is allowed (127.0.0.1, [::1], localhost); reach it from elsewhere through an ssh tunnel`,
    );
  }
  return { host, port };
}
