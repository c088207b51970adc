// Files that the programs keep for themselves, after a torn disk or a hand: the logbook, tokens.json, service.json, admin.token. It parses inputs.
// 1. What is not understood is refused with a reason, and a command that meets it ends as a command may end.

import fc from "fast-check";
import { parseTokens, writeTokens } from "../../../internal/api/token-record.ts";
import type { JsonValue } from "../../../internal/base/json.ts";
import { mergeEntries, parseEntry } from "../../../internal/sdk/logbook-entry.ts";
import { assertClean } from "../clean-error.ts";
import { runClient } from "../client-desk.ts";
import { mutated, textMutations } from "../mutation.ts";
import { oddText } from "../odd-values.ts";
import { FuzzedService } from "../service.ts";
import type { FuzzTarget } from "../target.ts";
import { edited, treeEdits } from "../tree-edit.ts";

const REQUEST_ID = "00000000-0000-4000-a000-000000000001";
const SHA256 = "0123456789abcdef".repeat(4);
const REQUEST: JsonValue = {
  requestId: REQUEST_ID,
  definition: {
    name: "small",
    targets: { names: ["h0"] },
    stages: [{ name: "fix", over: { targets: true }, actions: [{ name: "apply", uses: "set", with: { name: "a", value: "1" } }] }],
  },
};
const ENTRY: JsonValue = {
  version: 1,
  requestId: REQUEST_ID,
  requestDigest: "",
  intent: "exec",
  createdAtMs: 1_767_268_800_000,
  service: { address: "@address", credential: "" },
  file: "w.yaml",
  name: "small",
  namespace: "default",
  key: "",
  request: REQUEST,
  id: null,
  digest: null,
  executedAtMs: null,
  end: null,
};
const ENTRIES: readonly JsonValue[] = [
  ENTRY,
  edited(ENTRY, []),
  { ...(ENTRY as object), id: "@held", digest: "@digest", request: null, executedAtMs: 5 },
  { ...(ENTRY as object), id: "@ended", end: { phase: "SUCCEEDED", atMs: 7 } },
];
const TOKENS: JsonValue = {
  version: 1,
  tokens: [
    {
      name: "ann",
      roles: ["operator", "approver:sre"],
      namespaces: ["default"],
      sha256: SHA256,
      createdAtMs: 1,
      createdBy: "admin",
      expiresAtMs: 2,
    },
    { name: "bob", roles: ["viewer"], namespaces: [], certificate: true, createdAtMs: 1, createdBy: "admin" },
  ],
};

interface FilesInput {
  readonly kind: "entry" | "tokens" | "resume";
  readonly text: string;
  /** service.json and admin.token of a service on this machine. */
  readonly service: string;
  readonly token: string;
  readonly args: readonly string[];
}

/** The target. */
export const clientFilesTarget: FuzzTarget = {
  name: "client-files",
  about: "the logbook, tokens.json, service.json, admin.token",
  open: async () => {
    const service = new FuzzedService();
    await service.start();
    return {
      inputs: inputs.map((input) => JSON.stringify(input)),
      attempt: (input) => tryFiles(service, JSON.parse(input) as FilesInput),
      settle: () => service.tidy(),
      close: () => service.close(),
    };
  },
};

function jsonFile(samples: readonly JsonValue[]): fc.Arbitrary<string> {
  const tree = fc.constantFrom(...samples);
  return fc.oneof(
    fc.tuple(tree, treeEdits).map(([value, edits]) => JSON.stringify(edited(value, edits))),
    fc.tuple(tree, textMutations).map(([value, mutations]) => mutated(`${JSON.stringify(value, undefined, 1)}\n`, mutations)),
  );
}

const around = {
  service: fc.oneof(fc.constant('{"address":"@address"}'), jsonFile([{ address: "@address", pid: 1 }])),
  token: fc.oneof(fc.constant("@token\n"), oddText),
  args: fc.constantFrom(
    ["resume", "--no-wait"],
    ["resume", "--force", "--no-wait"],
    ["resume", REQUEST_ID],
    ["resume", REQUEST_ID, "--discard"],
    ["resume", "--remote", "--no-wait"],
    ["list"],
    ["resume", "-o", "json", "--no-wait"],
  ),
};
const inputs: fc.Arbitrary<FilesInput> = fc.oneof(
  { weight: 4, arbitrary: fc.record<FilesInput>({ kind: fc.constant("entry" as const), text: jsonFile(ENTRIES), ...around }) },
  { weight: 4, arbitrary: fc.record<FilesInput>({ kind: fc.constant("tokens" as const), text: jsonFile([TOKENS]), ...around }) },
  { weight: 1, arbitrary: fc.record<FilesInput>({ kind: fc.constant("resume" as const), text: jsonFile(ENTRIES), ...around }) },
);

async function tryFiles(service: FuzzedService, { kind, text, service: recorded, token, args }: FilesInput): Promise<void> {
  const known = Object.entries({ ...service.known, "@address": service.address, "@token": service.token });
  const place = (given: string): string => known.reduce((all, [name, value]) => all.replaceAll(name, value), given);
  switch (kind) {
    case "entry":
      tryEntry(place(text));
      return;
    case "tokens":
      tryTokens(text);
      return;
    case "resume": {
      const files = {
        [`state/logbook/${REQUEST_ID}.json`]: place(text),
        "data/service.json": place(recorded),
        "data/admin.token": place(token),
      };
      await runClient({ args, files, env: { HOLDFAST_STATE_DIR: "$DIR/state", HOLDFAST_DATA: "$DIR/data" }, answer: undefined });
      service.assertSound();
      return;
    }
    default:
      throw new Error("an input is an entry, tokens or a resume");
  }
}

function tryEntry(text: string): void {
  try {
    const entry = parseEntry(text);
    const again = parseEntry(JSON.stringify(mergeEntries(entry, entry)));
    if (again.requestId !== entry.requestId || again.id !== entry.id) throw new Error("an entry that is merged with itself is another one");
  } catch (error) {
    assertClean(error, { codes: ["INVALID_ARGUMENT"], mayShow: text });
  }
}

function tryTokens(text: string): void {
  try {
    const records = parseTokens(text);
    const again = parseTokens(writeTokens(records));
    if (JSON.stringify(again) !== JSON.stringify(records)) throw new Error("tokens that are written are others when they are read");
  } catch (error) {
    assertClean(error, { codes: ["FAILED_PRECONDITION"], mayShow: text });
  }
}
