// What hosts print: the shim's answers, what ssh and sudo say, what scripts tell of a file. Everything that is parsed of a target's bytes.
// 1. It parses inputs. How the bytes were cut into pieces on the way makes no difference to what is understood.

import fc from "fast-check";
import { readState } from "../../../internal/action/host-state.ts";
import { connectionFault } from "../../../internal/transport/connection-fault.ts";
import { ReplyParser } from "../../../internal/transport/reply.ts";
import type { Reply } from "../../../internal/transport/reply.ts";
import { SHIM_MAGIC } from "../../../internal/transport/shim.ts";
import { byteMutations, bytesOf, mutated } from "../mutation.ts";
import type { Mutation } from "../mutation.ts";
import { plainTarget } from "../target.ts";

const OUTPUT_BYTES_MAX = 64;
const ANSWERS = [
  "exited 0 3 2\nabcde",
  "exited 137 0 0\n",
  "exited 1 65 1\n",
  "timed-out 0 5 0\nabcde",
  "cancelled\n",
  "died\n",
  "held\n",
  "stuck\n",
  "absent never\n",
  "absent begun\n",
  "voided 3\n",
  "missing setsid\n",
  "failed the disk is full\n",
  "swept 12\n",
  "exited 0 999999999999999 1\n",
  "exited 0 -1 1e3\n",
];
const TALK = [
  "ssh: connect to host x port 22: Connection refused\r\n",
  "Host key verification failed.\n",
  "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key for x has changed\n",
  "u@x: Permission denied (publickey).\n",
  "sudo: a password is required\nsudo: x is not in the sudoers file\n",
  "Host key for Host key for Host key for has not changed\n",
];
const STATES = [
  "file\n644\n0\n0\n12\nroot\nroot\nhello world\n",
  "directory\n1777\n0\n0\n0\nroot\nroot\na\nb\n",
  "absent\n",
  "link\n",
  "other\n",
];

interface HostInput {
  readonly kind: "shim" | "talk" | "state";
  readonly parts: readonly string[];
  readonly mutations: readonly Mutation[];
  /** Where the bytes are cut, each modulo their length. */
  readonly cuts: readonly number[];
}

const noise = fc.string({ unit: fc.constantFrom("a", "\n", " ", SHIM_MAGIC, "\0", "\xff"), maxLength: 20 });
const shim = fc
  .tuple(noise, fc.constantFrom(`${SHIM_MAGIC} ready\n`, ""), fc.constantFrom(...ANSWERS))
  .map(([login, ready, answer]) => [login, "\n", ready, `${SHIM_MAGIC} ${answer}`]);
const rest = { mutations: byteMutations, cuts: fc.array(fc.nat({ max: 4_096 }), { maxLength: 12 }) };
const inputs: fc.Arbitrary<HostInput> = fc.oneof(
  { weight: 3, arbitrary: fc.record<HostInput>({ kind: fc.constant("shim" as const), parts: shim, ...rest }) },
  {
    weight: 1,
    arbitrary: fc.record<HostInput>({
      kind: fc.constant("talk" as const),
      parts: fc.array(fc.constantFrom(...TALK), { maxLength: 4 }),
      ...rest,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record<HostInput>({
      kind: fc.constant("state" as const),
      parts: fc.array(fc.constantFrom(...STATES), { maxLength: 3 }),
      ...rest,
    }),
  },
);

/** The target. */
export const hostOutputTarget = plainTarget("host-output", "what hosts print: shim, ssh, sudo, scripts", {
  inputs: inputs.map((input) => JSON.stringify(input)),
  attempt: (input) => tryOutput(JSON.parse(input) as HostInput),
});

function tryOutput({ kind, parts, mutations, cuts }: HostInput): void {
  const text = mutated(parts.join(""), mutations);
  switch (kind) {
    case "shim": {
      const bytes = Buffer.from(bytesOf(text));
      const [whole, pieces] = [heard([bytes]), heard(cut(bytes, cuts))];
      if (whole !== pieces) throw new Error(`what is understood depends on how it was cut\nin one piece: ${whole}\nin pieces: ${pieces}`);
      return;
    }
    case "talk": {
      const { message } = connectionFault(text, { host: "h", port: 22, knownHosts: "/k" });
      if (message === "") throw new Error("a fault without a message");
      return;
    }
    case "state":
      readState(bytesOf(text));
      return;
    default:
      throw new Error("an input is of the shim, of talk or of a state");
  }
}

/** What the parser makes of it. After noise or an answer the exchange is over: nobody pushes more. */
function heard(pieces: readonly Buffer[]): string {
  const parser = new ReplyParser(OUTPUT_BYTES_MAX);
  for (const piece of pieces) {
    if (parser.push(piece) === "noise") return "noise";
    const { reply } = parser;
    if (reply !== undefined) assertSaid(reply);
    if (reply !== undefined)
      return JSON.stringify(reply, (_, value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : value));
  }
  return parser.isReady ? "ready" : "nothing";
}

/** A number that nobody said is no answer. */
function assertSaid(reply: Reply): void {
  if (Object.values(reply).some((value) => typeof value === "number" && !Number.isSafeInteger(value)))
    throw new Error(`an answer with a number that is none: ${reply.kind}`);
}

function cut(bytes: Buffer, cuts: readonly number[]): readonly Buffer[] {
  const places = [...new Set(cuts.map((place) => place % (bytes.length + 1)))].toSorted((left, right) => left - right);
  return [...places, bytes.length].map((end, index) => bytes.subarray(index === 0 ? 0 : places[index - 1], end));
}
