// The address that the service listens on: loopback only, unless there is TLS.
// 1. Without TLS names are not resolved, `localhost` aside: what looks like another host is refused, wherever it points to.

import { HoldfastError } from "../base/errors.ts";

const LOOPBACK = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|localhost)$/;

/** Host and port of an address to listen on; refuses all but loopback where there is no TLS. */
export function parseListen(listen: string, { hasTls }: { readonly hasTls: boolean }): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(listen);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || host === "" || port > 65_535) {
    throw new HoldfastError(
      "INVALID_ARGUMENT",
      `the address to listen on must be HOST:PORT, such as 127.0.0.1:7543, [::1]:7543 or, with TLS, 0.0.0.0:7543; found "${listen}"`,
    );
  }
  if (!hasTls && !LOOPBACK.test(host)) {
    throw new HoldfastError(
      "INVALID_ARGUMENT",
      `refused to listen on ${listen} without TLS, which would send tokens in the clear: give --tls-cert FILE and --tls-key FILE, or listen on loopback (127.0.0.1, [::1], localhost) and reach it through an ssh tunnel`,
    );
  }
  return { host, port };
}
