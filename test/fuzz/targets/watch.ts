// Offsets, page tokens, filters: where a reader says it stands, over the wire. It parses inputs.
// 1. Events come after the offset, in order, each once; an offset past the end is an empty answer or a clean error.
// 2. Pages that are walked by their tokens show each row once, and end.

import { fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import {
  GetHistoryResponseSchema,
  ListTasksResponseSchema,
  ListWorkflowsResponseSchema,
  WatchResponseSchema,
} from "../../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { assertNoInsides } from "../clean-error.ts";
import { oddExpressions } from "../odd-expressions.ts";
import { encodeFields } from "../odd-messages.ts";
import type { WireField } from "../odd-messages.ts";
import { oddText } from "../odd-values.ts";
import { CANARY, FuzzedService } from "../service.ts";
import type { FuzzTarget } from "../target.ts";
import { PROTOCOLS, WireClient, envelope } from "../wire-call.ts";
import type { Protocol, WireAnswer } from "../wire-call.ts";

const CALLS = ["Watch", "GetHistory", "ListTasks", "ListWorkflows", "WalkTasks", "WalkWorkflows"] as const;
const OFFSETS = [0n, 1n, 2n, 3n, 9n, 10n, 11n, 12n, 100n, 512n, 2n ** 31n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
const SIZES = [0n, 1n, 2n, 3n, 100n, 1_000n, 1_001n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 64n - 1n];
const WORKFLOWS = ["@ended", "@held", "@submitted", "@running"] as const;
const UNKNOWN = 2;
const INTERNAL = 13;
const WAIT_MS_MAX = 60;
const PAGES_MAX = 5_000;

interface WatchInput {
  readonly call: (typeof CALLS)[number];
  readonly protocol: Protocol;
  readonly workflow: (typeof WORKFLOWS)[number];
  /** A varint, in digits. */
  readonly offset: string;
  readonly size: string;
  readonly token: string;
  readonly filter: string;
  readonly flag: boolean;
  readonly place: string;
}

const inputs = fc.record<WatchInput>({
  call: fc.constantFrom(...CALLS),
  protocol: fc.constantFrom(...PROTOCOLS),
  workflow: fc.constantFrom(...WORKFLOWS),
  offset: fc.oneof(fc.constantFrom(...OFFSETS), fc.bigInt({ min: 0n, max: 20n })).map(String),
  size: fc.constantFrom(...SIZES).map(String),
  token: fc.oneof(
    fc.constantFrom("", "0", "1", "4", "999999999", "-1", "1e3", "@ended", "@held", "ffffffff-ffff-7fff-bfff-ffffffffffff"),
    oddText,
  ),
  filter: fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom("", "true", "false", "task.index > 2", "workflow.targets > 1", "1/0 > 0 || true") },
    { weight: 1, arbitrary: oddExpressions },
  ),
  flag: fc.boolean(),
  place: fc.oneof(
    { weight: 3, arbitrary: fc.constant("") },
    { weight: 1, arbitrary: fc.constantFrom("fix", "h0", "h4") },
    { weight: 1, arbitrary: oddText },
  ),
});

/** The target. */
export const watchTarget: FuzzTarget = {
  name: "watch",
  about: "offsets of watches and histories, page tokens, page sizes, filters",
  open: async () => {
    const service = new FuzzedService();
    await service.start();
    const client = new WireClient(service);
    return {
      inputs: inputs.map((input) => JSON.stringify(input)),
      attempt: (input) => new Reading(service, client, JSON.parse(input) as WatchInput).run(),
      settle: () => service.tidy(),
      close: async () => {
        client.close();
        await service.close();
      },
    };
  },
};

/** One input against the service. */
class Reading {
  readonly #service: FuzzedService;
  readonly #client: WireClient;
  readonly #input: WatchInput;

  constructor(service: FuzzedService, client: WireClient, input: WatchInput) {
    this.#service = service;
    this.#client = client;
    this.#input = input;
  }

  async run(): Promise<void> {
    const { call } = this.#input;
    if (call === "WalkTasks" || call === "WalkWorkflows") await this.#walk(call === "WalkTasks");
    else if (call === "Watch" || call === "GetHistory") await this.#read(call);
    else await this.#ask(call, this.#listFields(call === "ListTasks", this.#input.token));
    this.#service.assertSound();
  }

  async #read(call: "Watch" | "GetHistory"): Promise<void> {
    const { offset, flag } = this.#input;
    const fields = [
      this.#ref(),
      { no: 2, value: { kind: "varint", digits: offset } },
      { no: 3, value: { kind: "varint", digits: flag ? "1" : "0" } },
    ] as const;
    const { messages } = await this.#ask(call, fields);
    let last = BigInt(offset);
    for (const bytes of messages) {
      const { events } = call === "Watch" ? fromBinary(WatchResponseSchema, bytes) : fromBinary(GetHistoryResponseSchema, bytes);
      for (const { seq } of events) {
        if (seq <= last) throw new Error(`event ${seq} comes after event ${last}, and the offset is ${offset}`);
        if (seq !== last + 1n && last !== BigInt(offset)) throw new Error(`events between ${last} and ${seq} are missing`);
        last = seq;
      }
    }
  }

  /** From the first page to the last. */
  async #walk(isTasks: boolean): Promise<void> {
    const seen = new Set<string>();
    let token = "";
    for (let page = 0; page < PAGES_MAX; page++) {
      const { code, messages } = await this.#ask(isTasks ? "ListTasks" : "ListWorkflows", this.#listFields(isTasks, token));
      const [bytes] = messages;
      if (code !== 0 || bytes === undefined) return;
      const { rows, next } = isTasks ? tasksOf(bytes) : workflowsOf(bytes);
      for (const row of rows) {
        if (seen.has(row)) throw new Error(`the row ${row} comes twice`);
        seen.add(row);
      }
      if (next === "") return;
      if (next === token) throw new Error(`the page ${token} leads to itself`);
      token = next;
    }
    throw new Error(`more than ${PAGES_MAX} pages`);
  }

  #listFields(isTasks: boolean, token: string): readonly WireField[] {
    const { size, filter, place } = this.#input;
    const page: readonly WireField[] = [
      { no: 2, value: { kind: "varint", digits: size } },
      { no: 3, value: { kind: "text", text: token } },
      { no: 4, value: { kind: "text", text: filter } },
    ];
    if (!isTasks) return [{ no: 1, value: { kind: "text", text: "*" } }, ...page];
    return [this.#ref(), ...page, { no: place.startsWith("h") ? 6 : 5, value: { kind: "text", text: place } }];
  }

  #ref(): WireField {
    return { no: 1, value: { kind: "message", fields: [{ no: 1, value: { kind: "text", text: this.#input.workflow } }], lie: 0 } };
  }

  async #ask(method: string, fields: readonly WireField[]): Promise<WireAnswer> {
    const { protocol, filter, place, token } = this.#input;
    const isStream = method === "Watch" || method === "GetHistory";
    const known = (text: string): string =>
      Object.entries(this.#service.known).reduce((all, [name, value]) => all.replaceAll(name, value), text);
    const message = encodeFields(fields, known);
    const body = isStream || protocol !== "connect" ? envelope(message) : message;
    const timeoutMs = isStream ? WAIT_MS_MAX : undefined;
    const answer = await this.#client.call({
      path: `/holdfast.v1.WorkflowService/${method}`,
      protocol,
      codec: "proto",
      isStream,
      body,
      headers: {},
      timeoutMs,
    });
    const { code, message: said } = answer;
    if (code === INTERNAL || code === UNKNOWN) throw new Error(`answers ${code === INTERNAL ? "INTERNAL" : "UNKNOWN"}: ${said}`);
    if (code !== 0 && said === "") throw new Error(`answers the code ${code} and does not say why`);
    assertNoInsides(said, `${filter} ${place} ${token}`);
    if (said.includes(CANARY)) throw new Error(`the error shows a value: ${said}`);
    return answer;
  }
}

function tasksOf(bytes: Uint8Array): { readonly rows: readonly string[]; readonly next: string } {
  const { tasks, nextPageToken } = fromBinary(ListTasksResponseSchema, bytes);
  return { rows: tasks.map(({ index }) => String(index)), next: nextPageToken };
}

function workflowsOf(bytes: Uint8Array): { readonly rows: readonly string[]; readonly next: string } {
  const { workflows, nextPageToken } = fromBinary(ListWorkflowsResponseSchema, bytes);
  return { rows: workflows.map(({ id }) => id), next: nextPageToken };
}
