// A file of actions/*.yaml: an action without code, read and checked whole before the service serves.
// 1. Every fault of a file is found at once, with line and column. 2. Its digest is the SHA-256 of its bytes: tasks record what ran.
// 3. A file that promises `idempotent` has a check; templates name `args` and `target` only, and no secrets (they come in as arguments).

import { parseDurationMs } from "../base/duration.ts";
import { HoldfastError } from "../base/errors.ts";
import type { ErrorDetail } from "../base/errors.ts";
import { sha256Hex } from "../base/digest.ts";
import { isJsonObject } from "../base/json.ts";
import type { JsonObject } from "../base/json.ts";
import { keyPath } from "../base/json-path.ts";
import { COMMAND_ARGV_MAX, OWN_ACTION_BYTES_MAX } from "../base/limits.ts";
import { placeErrors } from "../base/place.ts";
import { readYaml } from "../base/yaml.ts";
import { compileTemplate } from "../expr/template.ts";
import type { Template } from "../expr/template.ts";
import { Effects } from "../gen/holdfast/v1/event_pb.ts";
import { faultOfValue } from "./arg-bounds.ts";
import { parseArgs, renderedFaults } from "./arg-schema.ts";
import type { ArgSchema, ArgSpec, ArgsOf } from "./arg-schema.ts";
import { isPattern } from "./pattern.ts";

/** One of the two commands of an action of one's own. */
export interface OwnCommand {
  /** `{ argv, env, stdin }` over `args` and `target`. */
  readonly template: Template;
}

/** An action without code, checked. */
export interface OwnDefinition {
  readonly name: string;
  readonly file: string;
  readonly digest: string;
  readonly description: string;
  readonly effects: Effects;
  readonly isAtomic: boolean;
  readonly isSensitive: boolean;
  readonly schema: ArgSchema;
  readonly check: (OwnCommand & { readonly convergedStatus: readonly number[]; readonly differentStatus: readonly number[] }) | undefined;
  readonly apply: OwnCommand & { readonly output: "text" | "json" | "none"; readonly okStatus: readonly number[] };
  /** Caps each of its commands, besides the timeout of the attempt; undefined: only that. */
  readonly timeoutMs: number | undefined;
}

const EFFECTS = { none: Effects.NONE, idempotent: Effects.IDEMPOTENT, unsafe: Effects.UNSAFE } as const;
const STATUS = { type: "int", min: 0, max: 255, description: "An exit status." } as const;
const STATUSES = { type: "list", min: 1, max: 256, items: STATUS } as const;
const COMMAND = {
  argv: {
    type: "list",
    required: true,
    min: 1,
    max: COMMAND_ARGV_MAX,
    items: { type: "string", description: "A word." },
    description: "Program and arguments.",
  },
  env: { type: "object", default: {}, values: { type: "string", description: "A value." }, description: "Variables." },
  stdin: { type: "string", default: "", description: "Standard input." },
} as const;

const ARG = {
  type: { type: "string", allowed: ["string", "int", "number", "bool", "list", "object"], default: "string", description: "The type." },
  description: { type: "string", default: "", max: 1_024, description: "What it means." },
  required: { type: "bool", default: false, description: "Whether it must be given." },
  default: { type: "any", description: "The value when it is not given." },
  min: { type: "number", description: "The smallest number, or shortest text or list." },
  max: { type: "number", description: "The largest number, or longest text or list." },
  pattern: {
    type: "string",
    max: 1_000,
    refuse: (text) => (isPattern(text) ? undefined : "must be an RE2 pattern"),
    description: "RE2 pattern.",
  },
  allowed: { type: "list", min: 1, max: 256, description: "The only values allowed." },
} as const satisfies ArgSchema;

const FILE = {
  name: { type: "string", required: true, max: 128, refuse: nameFault, description: "Its name in `uses:`, such as `erase@1`." },
  description: { type: "string", required: true, min: 1, max: 4_096, description: "What it does." },
  effects: { type: "string", required: true, allowed: ["none", "idempotent", "unsafe"], description: "What it promises." },
  atomic: { type: "bool", default: false, description: "Whether apply happens whole or not at all." },
  sensitive: { type: "bool", default: false, description: "Whether its diff is hidden." },
  args: {
    type: "object",
    default: {},
    values: { type: "object", fields: ARG, description: "An argument." },
    description: "Its arguments.",
  },
  check: {
    type: "object",
    fields: {
      ...COMMAND,
      converged_status: { ...STATUSES, default: [0], description: "Exit statuses that mean: nothing to do." },
      different_status: { ...STATUSES, default: [1], description: "Exit statuses that mean: there is something to do." },
    },
    description: "The command that looks.",
  },
  apply: {
    type: "object",
    required: true,
    fields: {
      ...COMMAND,
      output: { type: "string", allowed: ["text", "json", "none"], default: "text", description: "How stdout becomes the output." },
      ok_status: { ...STATUSES, default: [0], description: "Exit statuses that mean success." },
    },
    description: "The command that changes.",
  },
  timeout: { type: "string", refuse: durationFault, description: "The longest that one of its commands may take." },
} as const satisfies ArgSchema;

type FileArgs = ArgsOf<typeof FILE>;

/** Reads a definition; throws INVALID_ARGUMENT with all faults, each with line and column. */
export function parseOwnAction(file: string, text: string): OwnDefinition {
  const yaml = readYaml(text, { file, bytesMax: OWN_ACTION_BYTES_MAX });
  const fail = (faults: readonly ErrorDetail[]): HoldfastError => {
    const position = ({ place, reason }: ErrorDetail) =>
      (reason.startsWith("unknown argument") ? yaml.keyAt(place) : undefined) ?? yaml.near(place);
    return placeErrors(
      file,
      faults.map((fault) => ({ position: position(fault), reason: `${fault.place === "" ? "" : `${fault.place}: `}${fault.reason}` })),
    );
  };
  if (!isJsonObject(yaml.value)) throw fail([{ place: "", reason: "an action file is a map with name, description, effects, apply" }]);
  const shapeFaults = renderedFaults(FILE, yaml.value);
  if (shapeFaults.length > 0) throw fail(shapeFaults);
  const values = parseArgs(FILE, yaml.value);
  const schema = schemaOf(values.args);
  const faults = [...ruleFaults(values), ...argFaults(schema, values), ...templateFaults(values)];
  if (faults.length > 0) throw fail(faults);
  return definitionOf(values, { file, text, schema });
}

function definitionOf(
  values: FileArgs,
  { file, text, schema }: { readonly file: string; readonly text: string; readonly schema: ArgSchema },
): OwnDefinition {
  const { check, apply } = values;
  return {
    name: values.name,
    file,
    digest: sha256Hex(text),
    description: values.description,
    effects: EFFECTS[values.effects],
    isAtomic: values.atomic,
    isSensitive: values.sensitive,
    schema,
    check: check && {
      template: templateOf(check, "check"),
      convergedStatus: check.converged_status,
      differentStatus: check.different_status,
    },
    apply: { template: templateOf(apply, "apply"), output: apply.output, okStatus: apply.ok_status },
    timeoutMs: values.timeout === undefined ? undefined : parseDurationMs(values.timeout),
  };
}

function templateOf(
  command: { readonly argv: readonly string[]; readonly env: JsonObject; readonly stdin: string },
  place: string,
): Template {
  const { argv, env, stdin } = command;
  return compileTemplate({ argv, env, stdin }, { place, names: ["args", "target"] });
}

function schemaOf(args: FileArgs["args"]): ArgSchema {
  return Object.fromEntries(
    Object.entries(args).map(([name, arg]): [string, ArgSpec] => {
      const { type, description, required, min, max, pattern, allowed } = arg;
      const bounds = {
        ...(min === undefined ? {} : { min }),
        ...(max === undefined ? {} : { max }),
        ...(pattern === undefined ? {} : { pattern }),
      };
      const rest = { ...(allowed === undefined ? {} : { allowed }), ...(arg.default === undefined ? {} : { default: arg.default }) };
      return [name, { type, description, required, ...bounds, ...rest }];
    }),
  );
}

function ruleFaults({ effects, check }: FileArgs): readonly ErrorDetail[] {
  if (effects === "idempotent" && check === undefined) {
    return [{ place: "effects", reason: "an idempotent action needs a `check`, so that its work can be proven; without one it is unsafe" }];
  }
  if (effects === "none" && check !== undefined)
    return [{ place: "check", reason: "an action that only reads has no check; its `apply` is all there is" }];
  const both = check?.converged_status.find((status) => check.different_status.includes(status));
  return both === undefined ? [] : [{ place: "check", reason: `exit status ${both} cannot mean both converged and different` }];
}

function argFaults(schema: ArgSchema, { args }: FileArgs): readonly ErrorDetail[] {
  return Object.entries(schema).flatMap(([name, spec]): readonly ErrorDetail[] => {
    const place = keyPath("args", name);
    const faults: ErrorDetail[] = [];
    if (!/^[a-z][a-z0-9_]{0,63}$/.test(name))
      faults.push({ place, reason: "an argument's name is made of a-z, 0-9 and _, and begins with a letter" });
    const { default: fallback, ...rest } = spec;
    if (fallback !== undefined && rest.required === true) faults.push({ place, reason: "an argument that is required needs no default" });
    const reason = fallback === undefined ? undefined : faultOfValue(rest, fallback);
    if (reason !== undefined) faults.push({ place: keyPath(place, "default"), reason: `the default ${reason}` });
    if (rest.pattern !== undefined && args[name]?.type !== "string")
      faults.push({ place: keyPath(place, "pattern"), reason: "a pattern is for strings" });
    return faults;
  });
}

function templateFaults(values: FileArgs): readonly ErrorDetail[] {
  const commands = [...(values.check === undefined ? [] : [["check", values.check] as const]), ["apply", values.apply] as const];
  return commands.flatMap(([place, command]): readonly ErrorDetail[] => {
    try {
      const { secrets } = templateOf(command, place);
      return secrets.length === 0 ? [] : [{ place, reason: "secret() is not for action files; take the value as an argument" }];
    } catch (cause) {
      if (cause instanceof HoldfastError) return cause.details.length > 0 ? cause.details : [{ place, reason: cause.message }];
      throw cause;
    }
  });
}

function nameFault(name: string): string | undefined {
  return /^[a-z][a-z0-9_.-]*(@[0-9]+)?$/.test(name)
    ? undefined
    : 'must be a name such as "erase@1": a-z, 0-9, _, -, ., and a version behind @';
}

function durationFault(text: string): string | undefined {
  return parseDurationMs(text) === undefined ? 'must be a duration up to 30 days, such as "90s" or "5m"' : undefined;
}
