// Every message of every service on the wire, in all protocols: good requests that were changed, and messages made from descriptors.
// It parses inputs. 1. Whatever is sent, the answer is success or a clean error: never INTERNAL or UNKNOWN, which mean a bug of the service.
// 2. No answer shows a value of arguments, parameters or secrets; the service goes on serving, its journal is whole, and replays.

import { fromJson, toBinary } from "@bufbuild/protobuf";
import type { DescMethod } from "@bufbuild/protobuf";
import fc from "fast-check";
import { BY_TOKEN, OWN } from "../../../internal/api/routes.ts";
import type { JsonValue } from "../../../internal/base/json.ts";
import { Health } from "../../../internal/gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../../../internal/gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../../../internal/gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { assertNoInsides } from "../clean-error.ts";
import { goodRequests } from "../good-requests.ts";
import { byteMutations, bytesOf, latin1, mutated } from "../mutation.ts";
import type { Mutation } from "../mutation.ts";
import { oddText } from "../odd-values.ts";
import { encodeFields, oddMessages } from "../odd-messages.ts";
import type { WireField } from "../odd-messages.ts";
import { CANARY, FuzzedService, SECRET } from "../service.ts";
import type { FuzzTarget } from "../target.ts";
import { edited, treeEdits } from "../tree-edit.ts";
import { PROTOCOLS, WireClient, envelope } from "../wire-call.ts";
import type { Protocol, WireAnswer } from "../wire-call.ts";

const METHODS: readonly DescMethod[] = [...OWN, BY_TOKEN, Health, ServerReflection, ServerReflectionAlpha].flatMap(
  ({ methods }) => methods,
);
const WORDS = {
  known: [
    "@ended",
    "@held",
    "@running",
    "@submitted",
    "@digest",
    "@request",
    "@token",
    "default",
    "*",
    "fix",
    "apply",
    "h0",
    "set",
    "file",
    "target.name == 'h0'",
    "true",
    "5%",
    "1h",
    "guard",
    "00000000-0000-4000-9000-000000000002",
  ],
};
const UNKNOWN = 2;
const INTERNAL = 13;
/** Longer ones are a matter of HTTP's own bounds on headers, which cut the connection. */
const PATH_LENGTH_MAX = 1_000;
/** Calls that may wait by right are given up after this. */
const WAIT_MS_MAX = 60;
const HEADERS: readonly Readonly<Record<string, string>>[] = [
  { "content-encoding": "gzip" },
  { "grpc-encoding": "gzip" },
  { "connect-content-encoding": "br" },
  { "content-encoding": "nosuch" },
  { "connect-timeout-ms": "x" },
  { "connect-timeout-ms": "-1" },
  { "grpc-timeout": "99999999999H" },
  { "connect-protocol-version": "9" },
  { "content-type": "application/json; charset=utf-16" },
  { "content-type": "application/connect+xml" },
  { authorization: "Bearer x" },
  { authorization: "Basic eDp5" },
];

interface WireInput {
  /** `holdfast.v1.WorkflowService/Submit` */
  readonly method: string;
  readonly protocol: Protocol;
  readonly codec: "json" | "proto";
  /** A request as JSON, or as fields that only the binary form can hold. */
  readonly tree: JsonValue | undefined;
  readonly fields: readonly WireField[] | undefined;
  readonly mutations: readonly Mutation[];
  readonly headers: Readonly<Record<string, string>>;
  /** Flags of the envelope, and how often the message is sent. */
  readonly flags: number;
  readonly times: number;
}

/** The target. */
export const wireTarget: FuzzTarget = {
  name: "wire",
  about: "every message of every service, in Connect, gRPC and gRPC-Web, binary and JSON",
  open: async () => {
    const service = new FuzzedService();
    await service.start();
    const client = new WireClient(service);
    return {
      inputs: await wireInputs(),
      attempt: (input) => tryCall(service, client, JSON.parse(input) as WireInput),
      settle: async () => {
        await service.tidy();
        await assertServes(client);
      },
      close: async () => {
        client.close();
        await service.close();
      },
    };
  },
};

async function wireInputs(): Promise<fc.Arbitrary<string>> {
  const good = await goodRequests();
  const rest = {
    protocol: fc.constantFrom(...PROTOCOLS),
    codec: fc.constantFrom("json" as const, "proto" as const),
    mutations: fc.oneof({ weight: 6, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: byteMutations }),
    headers: fc.oneof({ weight: 12, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: fc.constantFrom(...HEADERS) }),
    flags: fc.oneof({ weight: 20, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constantFrom(1, 2, 4, 128, 255) }),
    times: fc.oneof({ weight: 20, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.constantFrom(0, 2) }),
  };
  const inputs = METHODS.map((method) => {
    const name = nameOf(method);
    const trees = fc.tuple(
      fc.constantFrom(...(good.get(method.name) ?? [{}])),
      fc.oneof({ weight: 1, arbitrary: fc.constant([]) }, { weight: 4, arbitrary: treeEdits }),
    );
    const about = { method: fc.constant(name), ...rest };
    const asTree = fc.record({ ...about, tree: trees.map(([tree, edits]) => edited(tree, edits)), fields: fc.constant(undefined) });
    const asFields = fc.record({ ...about, tree: fc.constant(undefined), fields: oddMessages(method.input, WORDS) });
    const weight = method.name === "Submit" || method.name === "Plan" ? 6 : 1;
    return { weight, arbitrary: fc.oneof<fc.Arbitrary<WireInput>[]>(asTree, asTree, asFields) };
  });
  const nowhere = fc.record({ method: oddText, ...rest, tree: fc.constant({}), fields: fc.constant(undefined) });
  return fc.oneof(...inputs, { weight: 1, arbitrary: nowhere }).map((input) => JSON.stringify(input));
}

async function tryCall(service: FuzzedService, client: WireClient, input: WireInput): Promise<void> {
  const method = METHODS.find((each) => nameOf(each) === input.method);
  const isStream = method !== undefined && method.methodKind !== "unary";
  const { bytes, codec } = encoded(service, method, input);
  const message = bytesOf(mutated(latin1(bytes), input.mutations));
  const isEnveloped = isStream || input.protocol !== "connect";
  const body = isEnveloped ? Buffer.concat(Array.from({ length: input.times }, () => envelope(message, input.flags))) : message;
  const mayWait = isStream || method === undefined || method.name === "Exec";
  const path = `/${input.method.replaceAll(/[^\x21-\x7e]/g, "_").slice(0, PATH_LENGTH_MAX)}`;
  const { protocol, headers } = input;
  const answer = await client.call({ path, protocol, codec, isStream, body, headers, timeoutMs: mayWait ? WAIT_MS_MAX : undefined });
  service.assertSound();
  assertAnswer(answer, input);
  if (method?.name === "Submit" && answer.code === 0) await service.execNewest();
}

/** The bytes, and the form they are in: what a message cannot hold stays JSON. */
function encoded(
  service: FuzzedService,
  method: DescMethod | undefined,
  { tree, fields, codec }: WireInput,
): { readonly bytes: Uint8Array; readonly codec: "json" | "proto" } {
  const place = (text: string): string => Object.entries(service.known).reduce((all, [name, value]) => all.replaceAll(name, value), text);
  if (fields !== undefined) return { bytes: encodeFields(fields, place), codec: "proto" };
  const json = place(JSON.stringify(tree ?? {}));
  if (codec === "json" || method === undefined) return { bytes: Buffer.from(json), codec };
  try {
    return { bytes: toBinary(method.input, fromJson(method.input, JSON.parse(json))), codec };
  } catch {
    return { bytes: Buffer.from(json), codec: "json" };
  }
}

function assertAnswer({ code, message, messages }: WireAnswer, { method, tree, fields }: WireInput): void {
  if (code === INTERNAL || code === UNKNOWN) throw new Error(`answers ${code === INTERNAL ? "INTERNAL" : "UNKNOWN"}: ${message}`);
  if (code !== 0 && message === "" && !method.startsWith("grpc.")) throw new Error(`answers the code ${code} and does not say why`);
  assertNoInsides(message, JSON.stringify([tree, fields]));
  if (message.includes(CANARY)) throw new Error(`the error shows a value: ${message}`);
  // Those who may read tasks and history see arguments; nobody ever sees a secret's value.
  if (messages.some((bytes) => Buffer.from(bytes).includes(SECRET))) throw new Error("the answer shows a secret");
}

async function assertServes(client: WireClient): Promise<void> {
  const request = {
    protocol: "connect",
    codec: "json",
    isStream: false,
    body: Buffer.from("{}"),
    headers: {},
    timeoutMs: undefined,
  } as const;
  const { code } = await client.call({ ...request, path: "/holdfast.v1.WorkflowService/ListWorkflows" });
  if (code !== 0) throw new Error(`the service does not answer a good call any more: ${code}`);
}

function nameOf({ parent, name }: DescMethod): string {
  return `${parent.typeName}/${name}`;
}
