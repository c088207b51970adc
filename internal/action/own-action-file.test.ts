import { expect, test } from "vitest";
import { sha256Hex } from "../base/digest.ts";
import { HoldfastError } from "../base/errors.ts";
import { Effects } from "../gen/holdfast/v1/event_pb.ts";
import { parseOwnAction } from "./own-action-file.ts";

const GOOD = `name: erase@1
description: Erases a disk.
effects: idempotent
args:
  disk: { type: string, required: true, pattern: "^sd[a-z]$", description: The disk. }
check: { argv: [erase, --check, "\${{ args.disk }}"] }
apply: { argv: [erase, "\${{ args.disk }}"], output: json }
timeout: 2h
`;

function check(text: string, expected: readonly string[]): void {
  try {
    parseOwnAction("erase.yaml", text);
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    expect(error.details.map(({ place, reason }) => `${place}: ${reason}`)).toEqual(expected.map((line) => expect.stringContaining(line)));
    return;
  }
  expect(expected).toEqual([]);
}

test("a definition is read with its effects, its digest and its timeout", () => {
  const definition = parseOwnAction("erase.yaml", GOOD);
  expect(definition).toMatchObject({
    name: "erase@1",
    effects: Effects.IDEMPOTENT,
    digest: sha256Hex(GOOD),
    timeoutMs: 7_200_000,
    isAtomic: false,
  });
  expect(definition.check).toMatchObject({ convergedStatus: [0], differentStatus: [1] });
});

test("all faults of a file are found at once, with line and column", () => {
  check(`name: Erase\ndescription: x\neffect: idempotent\napply:\n  argv: []\n  outptu: json\n`, [
    'erase.yaml:3:1: effect: unknown argument; did you mean "effects"?',
    "erase.yaml:1:7: name: must be a name such as",
    "effects: required argument is missing",
    'erase.yaml:6:3: apply.outptu: unknown argument; did you mean "output"?',
    "erase.yaml:5:9: apply.argv: must not be empty",
  ]);
});

test("templates are compiled at load: what they name must be declared", () => {
  check(GOOD.replace('[erase, "${{ args.disk }}"]', '[erase, "${{ arg.disk }}"]'), ["erase.yaml:7:24: apply.argv[1]"]);
  check(GOOD.replace('${{ args.disk }}"], output', "${{ secret('x') }}\"], output"), ["secret() is not for action files"]);
});

test.each<readonly [name: string, from: string, to: string, fault: string]>([
  [
    "idempotent without a check",
    'check: { argv: [erase, --check, "${{ args.disk }}"] }\n',
    "",
    "erase.yaml:3:10: effects: an idempotent action needs a `check`",
  ],
  ["a default that breaks its own bounds", "required: true,", 'default: "xx",', "args.disk.default: the default must be text that matches"],
  ["a pattern that is none", "^sd[a-z]$", "(", "must be an RE2 pattern"],
  ["a pattern for what is no string", "type: string", "type: int", "a pattern is for strings"],
  ["a status that means two things", "check: {", "check: { different_status: [0],", "exit status 0 cannot mean both"],
  ["a type that there is not", "type: string", "type: text", 'must be one of "string"'],
  ["a timeout that is none", "2h", "2 hours", "must be a duration"],
  ["a name of an argument", "disk: {", "Disk: {", "an argument's name is made of"],
])("refuses %s", (_name, from, to, fault) => {
  expect(() => parseOwnAction("erase.yaml", GOOD.replace(from, to))).toThrow(fault);
});

test("an unsafe action needs no check", () => {
  const text = GOOD.replace("idempotent", "unsafe").replace(/check: .*\n/, "");
  expect(parseOwnAction("erase.yaml", text)).toMatchObject({ effects: Effects.UNSAFE, check: undefined });
});
