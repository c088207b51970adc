// The flags of holdfastd: any words and any environment are a configuration whose every value is whole, or one clear refusal. It parses inputs.

import fc from "fast-check";
import { parseListen } from "../../../internal/api/listen-address.ts";
import { parseFlags } from "../../../cmd/holdfastd/flags.ts";
import { assertClean } from "../clean-error.ts";
import { oddText } from "../odd-values.ts";
import { plainTarget } from "../target.ts";

const FLAGS =
  "--data --listen --tls-cert --tls-key --tls-client-ca --calls-per-principal --inventory --actions --secrets --policies --submit-ttl --disk-free-min --pace-concurrent --pace-interval --grace --ssh-connect-timeout --ssh-alive-interval --ssh-idle --log-level --help --version --nosuch -h".split(
    " ",
  );
const VALUES = [
  "1",
  "0",
  "-1",
  "9999",
  "10000",
  "1h",
  "90s",
  "1.5s",
  "31d",
  "256MiB",
  "999999999GiB",
  "127.0.0.1:0",
  "[::1]:7543",
  "localhost:99999",
  "0.0.0.0:1",
  ":",
  "info",
  "/tmp/x",
  "",
  "--",
  "=",
];

interface FlagsInput {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const word = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...FLAGS) },
  { weight: 3, arbitrary: fc.constantFrom(...VALUES) },
  { weight: 1, arbitrary: oddText },
);
const pair = fc.tuple(fc.constantFrom(...FLAGS), fc.oneof(fc.constantFrom(...VALUES), oddText));
const args = fc.oneof(
  fc.array(word, { maxLength: 8 }),
  fc.array(pair, { maxLength: 5 }).map((pairs) => pairs.flat()),
  fc.array(pair, { maxLength: 5 }).map((pairs) => pairs.map((each) => each.join("="))),
);
const env = fc.record({ HOLDFAST_DATA: oddText, XDG_STATE_HOME: oddText }, { requiredKeys: [] });

/** The target. */
export const daemonFlagsTarget = plainTarget("daemon-flags", "holdfastd's flags and environment", {
  inputs: fc.record({ args, env }).map((input) => JSON.stringify(input)),
  attempt: (input) => tryFlags(JSON.parse(input) as FlagsInput),
});

function tryFlags({ args: given, env: around }: FlagsInput): void {
  try {
    const flags = parseFlags({ args: given, env: around, home: "/home/x", cwd: "/srv", version: "0" });
    if (flags.kind === "print") {
      if (flags.text.trim() === "") throw new Error("there is nothing to print");
      return;
    }
    const { config } = flags;
    for (const [name, value] of Object.entries(config))
      if (typeof value === "number" && !(Number.isInteger(value) && value >= 0)) throw new Error(`${name} is ${value}`);
    for (const path of [config.dataDir, config.actionsDir ?? "/", config.policiesDir ?? "/", config.secretsDir ?? "/"])
      if (!path.startsWith("/")) throw new Error(`a path that is not absolute: ${path}`);
    const { port } = parseListen(config.listen, { hasTls: config.tls !== undefined });
    if (!(Number.isInteger(port) && port >= 0 && port <= 65_535)) throw new Error(`the port ${port}`);
  } catch (error) {
    assertClean(error, { codes: ["INVALID_ARGUMENT"], mayShow: given.join(" ") });
  }
}
