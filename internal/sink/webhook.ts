// Delivers an event by HTTP: one POST over a connection of its own.
// 1. 2xx means taken. A redirect is not followed: the event goes where the file says, or nowhere.
// 2. Nothing of the answer but its status is told on: it may say things that are not for a log. Secrets are read for each try.

import { createHmac } from "node:crypto";
import { request as requestPlain } from "node:http";
import type { ClientRequest } from "node:http";
import { request as requestSecure } from "node:https";
import { HoldfastError } from "../base/errors.ts";
import type { Delivered, DeliveryPorts, Parcel } from "./parcel.ts";
import type { Webhook } from "./sink.ts";

/** Sends a parcel; never rejects for what the world does. */
export async function post(to: Webhook, parcel: Parcel, ports: DeliveryPorts, signal: AbortSignal): Promise<Delivered> {
  const body = Buffer.from(`${parcel.line}\n`);
  let headers: Readonly<Record<string, string>>;
  try {
    headers = headersOf(to, { parcel, body, ports });
  } catch (error) {
    if (error instanceof HoldfastError) return { kind: "refused", reason: error.message };
    throw error;
  }
  return send(to, { body, headers }, ports, signal);
}

function headersOf(
  { headers, secretHeaders, secret }: Webhook,
  { parcel, body, ports }: { readonly parcel: Parcel; readonly body: Uint8Array; readonly ports: DeliveryPorts },
): Readonly<Record<string, string>> {
  const { secrets } = ports;
  const shown = Object.entries(secretHeaders).map(([name, key]) => [name, headerValue(key, secrets.value(key))] as const);
  const signature = secret === undefined ? undefined : createHmac("sha256", secrets.value(secret)).update(body).digest("hex");
  return {
    "user-agent": "holdfast",
    ...headers,
    ...Object.fromEntries(shown),
    "content-type": "application/json",
    "content-length": String(body.length),
    "holdfast-event-id": parcel.id,
    "holdfast-sink": parcel.sink,
    ...(signature === undefined ? {} : { "holdfast-signature": `sha256=${signature}` }),
  };
}

/** What a header cannot say is refused here: Node's own message would quote it. */
function headerValue(name: string, value: string): string {
  if (/^[\t\x20-\x7e]*$/.test(value)) return value;
  throw new HoldfastError(
    "FAILED_PRECONDITION",
    `the secret "${name}" cannot be the value of a header: it is not printable ASCII on one line`,
  );
}

function send(
  to: Webhook,
  { body, headers }: { readonly body: Uint8Array; readonly headers: Readonly<Record<string, string>> },
  { clock }: DeliveryPorts,
  signal: AbortSignal,
): Promise<Delivered> {
  return new Promise((resolve) => {
    const url = new URL(to.url);
    const sending: ClientRequest = (url.protocol === "https:" ? requestSecure : requestPlain)(url, {
      method: "POST",
      headers,
      agent: false,
    });
    const stopClock = clock.after(to.timeoutMs, () => give({ kind: "refused", reason: `no answer within ${to.timeoutMs} ms` }));
    const onAbort = (): void => give({ kind: "refused", reason: "it was broken off: the service ends, or the sink changed" });
    const give = (result: Delivered): void => {
      stopClock();
      signal.removeEventListener("abort", onAbort);
      resolve(result);
      sending.destroy();
    };
    sending.on("error", (error) => give({ kind: "refused", reason: reasonOf(error) }));
    sending.on("response", (response) => {
      response.on("error", () => undefined); // its status is all that counts
      response.resume();
      const { statusCode: status = 0 } = response;
      give(status >= 200 && status < 300 ? { kind: "taken" } : { kind: "refused", reason: refusalText(status) });
    });
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    else sending.end(body);
  });
}

function refusalText(status: number): string {
  return status >= 300 && status < 400 ? `answered ${status}: a redirect is not followed` : `answered ${status}`;
}

/** Node's messages name addresses, which is what people need; those of its parser may quote the answer. */
function reasonOf(error: Error): string {
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (code.startsWith("HPE_")) return `the answer is no HTTP (${code})`;
  return code === "" || error.message.includes(code) ? error.message : `${error.message} (${code})`;
}
