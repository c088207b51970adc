// What inputs of the wire begin as is what the service takes: changes of what is refused anyway would reach nothing behind the door.

import { afterAll, beforeAll, expect, test } from "vitest";
import { BY_TOKEN, OWN } from "../../internal/api/routes.ts";
import { goodRequests } from "./good-requests.ts";
import { FuzzedService } from "./service.ts";
import { WireClient, envelope } from "./wire-call.ts";

const WAIT_MS_MAX = 300;
/** gRPC's numbers: success, and a call that was waiting when its time was over. */
const TAKEN = [0, 4];
/** Right only in a state that a request alone does not make, or from one who has a role of people. */
const STATEFUL = new Set(["Unpause", "Approve", "Complete", "Fail", "Thaw", "RevokeToken"]);

const service = new FuzzedService();
let client: WireClient;

beforeAll(async () => {
  await service.start();
  client = new WireClient(service);
});
afterAll(async () => {
  client.close();
  await service.close();
});

async function codesOf(typeName: string, name: string, isStream: boolean): Promise<readonly string[]> {
  await service.tidy();
  const codes: string[] = [];
  for (const tree of (await goodRequests()).get(name) ?? [{}]) {
    const known = Object.entries({ ...service.known, "@request": service.nextRequestId() });
    const text = known.reduce((all, [placeholder, value]) => all.replaceAll(placeholder, value), JSON.stringify(tree));
    const body = isStream ? envelope(Buffer.from(text)) : Buffer.from(text);
    const timeoutMs = isStream || name === "Exec" ? WAIT_MS_MAX : undefined;
    const request = { path: `/${typeName}/${name}`, protocol: "connect", codec: "json", isStream, body, headers: {}, timeoutMs } as const;
    const { code, message } = await client.call(request);
    if (name === "Submit" && code === 0) await service.execNewest();
    codes.push(TAKEN.includes(code) ? "taken" : `${code} ${message}`);
  }
  return codes;
}

const METHODS = [...OWN, BY_TOKEN].flatMap(({ typeName, methods }) =>
  methods.map(({ name, methodKind }) => [name, typeName, methodKind !== "unary"] as const),
);

test.each(METHODS.filter(([name]) => !STATEFUL.has(name)))("%s is taken", { timeout: 60_000 }, async (name, typeName, isStream) => {
  const codes = await codesOf(typeName, name, isStream);
  if (name === "Submit" || name === "Plan" || name === "Explain") expect(new Set(codes)).toEqual(new Set(["taken"]));
  else expect(codes).toContain("taken");
});
