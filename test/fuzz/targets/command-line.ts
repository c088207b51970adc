// The command line client with any words, files and environment, against a real service. It parses inputs.
// 1. Each run ends with a documented exit code and, where something is wrong, one clear message.

import fc from "fast-check";
import { GLOBAL_FLAGS, VERBS } from "../../../cmd/holdfast/verb-table.ts";
import { runClient } from "../client-desk.ts";
import type { ClientRun } from "../client-desk.ts";
import { oddExpressions } from "../odd-expressions.ts";
import { oddFiles } from "../odd-files.ts";
import { oddText } from "../odd-values.ts";
import { samplesOf } from "../samples.ts";
import { FuzzedService } from "../service.ts";
import type { FuzzTarget } from "../target.ts";

const SMALL =
  "name: small\ntargets: { names: [h0] }\nstages: [{ name: fix, over: targets, actions: [{ name: apply, uses: set, with: { name: a, value: '1' } }] }]\n";
const FILES = ["$DIR/w.yaml", "$DIR/p.yaml", "$DIR/nosuch.yaml", "$DIR"];
const NAMES = ["@ended", "@held", "@running", "@submitted", "nosuch", "019a9f1e-5c3a-7d10-8f00-0123456789ab"];
const VALUES = [
  "0",
  "1",
  "-1",
  "1e3",
  "json",
  "text",
  "1h",
  "a=b",
  "a=[1]",
  "=",
  "site=ams",
  "fix/apply@h0",
  "fix/apply",
  "succeeded",
  "failed",
  "run-again",
  "all",
  "h0",
  "default",
  "*",
  "viewer",
  "approver:sre",
  "f1",
  "guard",
  "yes",
];

const flagNames = [...GLOBAL_FLAGS, ...VERBS.flatMap(({ flags }) => flags)].map(
  ({ flags }) => flags.split(/[ ,]+/).findLast((part) => part.startsWith("--")) ?? "--plain",
);
const value = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...VALUES) },
  { weight: 3, arbitrary: fc.constantFrom(...NAMES) },
  { weight: 2, arbitrary: fc.constantFrom(...FILES) },
  { weight: 2, arbitrary: oddText.map((text) => (text.startsWith("/") ? `x${text}` : text)) },
  { weight: 1, arbitrary: oddExpressions },
);
const own = fc.constantFrom(...VERBS).chain(({ name, args, flags }) => {
  const known = flags.map((each) => each.flags.split(" "));
  const flag: fc.Arbitrary<string[]> =
    known.length === 0
      ? fc.constant<string[]>([])
      : fc.tuple(fc.constantFrom(...known), value).map(([[text = "", form], given]) => (form === undefined ? [text] : [text, given]));
  const positional = args
    .split(" ")
    .filter((arg) => arg !== "")
    .map((arg) => (/file|path/.test(arg) ? fc.constantFrom(...FILES) : /<id>|\[id\]/.test(arg) ? fc.constantFrom(...NAMES) : value));
  const given = positional.length === 0 ? fc.constant<string[]>([]) : fc.tuple(...positional).map((texts) => [...texts]);
  return fc.tuple(given, fc.array(flag, { maxLength: 3 })).map(([texts, rest]) => [...name.split(" "), ...texts, ...rest.flat()]);
});
const wild = fc.array(fc.oneof(fc.constantFrom(...VERBS.flatMap(({ name }) => name.split(" "))), fc.constantFrom(...flagNames), value), {
  maxLength: 7,
});

interface CommandInput extends ClientRun {
  /** Whether it is told where the service is. */
  readonly isTold: boolean;
}

const inputs: fc.Arbitrary<CommandInput> = fc.record({
  args: fc.oneof(
    { weight: 4, arbitrary: fc.tuple(own, fc.constantFrom<string[]>([], [], ["-o", "json"])).map((parts) => parts.flat()) },
    { weight: 1, arbitrary: wild },
  ),
  files: fc.record({
    "w.yaml": fc.oneof({ weight: 2, arbitrary: fc.constant(SMALL) }, { weight: 1, arbitrary: oddFiles([SMALL, ...samplesOf("workflow")]) }),
    "p.yaml": fc.oneof(fc.constantFrom(...samplesOf("policy")), oddFiles(samplesOf("policy"))),
  }),
  env: fc.oneof(
    { weight: 6, arbitrary: fc.constant({}) },
    {
      weight: 1,
      arbitrary: fc.record(
        { HOLDFAST_ADDR: oddText, HOLDFAST_TOKEN: oddText, HOLDFAST_CA: oddText, NO_COLOR: oddText, TERM: oddText },
        { requiredKeys: [] },
      ),
    },
  ),
  answer: fc.option(fc.oneof(fc.constantFrom("y", "yes", "no", "3"), oddText), { nil: undefined }),
  isTold: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
});

/** The target. */
export const commandLineTarget: FuzzTarget = {
  name: "command-line",
  about: "the command line client: words, flags, files, environment",
  open: async () => {
    const service = new FuzzedService();
    await service.start();
    return {
      inputs: inputs.map((input) => JSON.stringify(input)),
      attempt: async (input) => {
        await runClient(placed(service, JSON.parse(input) as CommandInput));
        service.assertSound();
      },
      settle: () => service.tidy(),
      close: () => service.close(),
    };
  },
};

function placed(service: FuzzedService, { isTold, env, args, ...rest }: CommandInput): ClientRun {
  const names = Object.entries(service.known);
  const told = { HOLDFAST_ADDR: isTold ? service.address : "http://127.0.0.1:9", HOLDFAST_TOKEN: service.token };
  return {
    ...rest,
    args: args.map((arg) => names.reduce((text, [name, known]) => text.replaceAll(name, known), arg)),
    env: { HOLDFAST_STATE_DIR: "$DIR/state", HOLDFAST_DATA: "$DIR/data", ...told, ...env },
  };
}
