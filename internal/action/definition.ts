// From an action's declaration (schema, rules, what it does) to the Action that the engine knows.
// 1. validate and parse share one schema and one set of rules: what passes at submit without `${{ }}` passes at dispatch.

import type { JsonObject as MessageJsonObject } from "@bufbuild/protobuf";
import type { ErrorDetail } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { keyPath } from "../base/json-path.ts";
import type { Action, PreparedAction, ValidateContext } from "../engine/ports.ts";
import type { Effects } from "../gen/holdfast/v1/event_pb.ts";
import { parseArgs, refuseFaults, validateArgs } from "./arg-schema.ts";
import type { ArgSchema, ArgsOf } from "./arg-schema.ts";

/** A rule over several arguments that was broken: at which argument (empty: all of them), and why. */
export interface RuleFault {
  readonly argument: string;
  readonly reason: string;
}

/** What the author of an action declares. */
export interface ActionDeclaration<S extends ArgSchema> {
  readonly uses: string;
  readonly effects: Effects;
  readonly schema: S;
  readonly digest?: string;
  readonly hasPulse?: boolean;
  /** Rules over several arguments; a string in `raw` may still be a template. */
  readonly rules?: (raw: JsonObject) => readonly RuleFault[];
  /** Checks of arguments that are CEL, at submit. */
  readonly expressions?: (raw: JsonObject, context: ValidateContext) => readonly ErrorDetail[];
  /** The work; throws INVALID_ARGUMENT for what only whole values can tell. */
  readonly prepare: (args: ArgsOf<S>) => PreparedAction;
}

/** An action with the declaration of its arguments, from which its documentation is made. */
export interface DocumentedAction extends Action {
  readonly schema: ArgSchema;
}

/** Makes the action of a declaration. */
export function defineAction<S extends ArgSchema>(declaration: ActionDeclaration<S>): DocumentedAction {
  const { uses, effects, schema, digest = "", hasPulse = false, rules = () => [], expressions = () => [], prepare } = declaration;
  return {
    uses,
    effects,
    digest,
    hasPulse,
    schema,
    validate(raw: MessageJsonObject, context) {
      const { place } = context;
      return [...validateArgs(schema, raw, place), ...placed(rules(withoutNulls(raw)), place), ...expressions(raw, context)];
    },
    parse(raw: MessageJsonObject) {
      const args = parseArgs(schema, raw);
      refuseFaults(placed(rules(withoutNulls(raw)), ""));
      return prepare(args);
    },
  };
}

/** A rule: exactly one of the arguments is given. */
export function exactlyOne(raw: JsonObject, names: readonly string[]): readonly RuleFault[] {
  const given = names.filter((name) => Object.hasOwn(raw, name));
  if (given.length === 1) return [];
  const list = `${names.slice(0, -1).join(", ")} or ${names.at(-1) ?? ""}`;
  const [, second = ""] = given;
  return given.length === 0
    ? [{ argument: "", reason: `one of the arguments ${list} is missing` }]
    : [{ argument: second, reason: `only one of ${list} can be given, found ${given.join(" and ")}` }];
}

/** A rule: the argument is of no use unless another one is (or, negated, is not) there. */
export function onlyWith(
  raw: JsonObject,
  name: string,
  condition: { readonly holds: boolean; readonly reason: string },
): readonly RuleFault[] {
  return Object.hasOwn(raw, name) && !condition.holds ? [{ argument: name, reason: condition.reason }] : [];
}

function placed(faults: readonly RuleFault[], place: string): readonly ErrorDetail[] {
  return faults.map(({ argument, reason }) => ({ place: argument === "" ? place : keyPath(place, argument), reason }));
}

/** An argument that is null counts as absent. */
function withoutNulls(raw: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== null));
}
