// The rules and limits of a policy file.
// 1. It parses: what comes out is whole and within bounds, or is a fault with its place. A misspelled setting is a fault, never ignored.

import type { FileCursor, FileFields } from "../base/file-cursor.ts";
import { kindOf } from "../base/file-cursor.ts";
import { isJsonObject } from "../base/json.ts";
import { APPROVALS_NEEDED_MAX, LIMIT_CONCURRENCY_MAX, LIMIT_TOKENS_MAX } from "../base/limits.ts";
import { didYouMean } from "../base/nearest.ts";
import { placeName } from "../base/place.ts";
import type { Program } from "../expr/program.ts";
import type { ExprTypeDecl } from "../expr/type.ts";
import { Enforcement, Gate } from "../gen/holdfast/v1/policy_pb.ts";
import { compileField } from "./policy-expression.ts";
import type { CompiledLimit, CompiledRule, LimitTerms } from "./policy.ts";
import { GATE_NAMES, limitVocabulary, ruleVocabulary } from "./vocabulary.ts";

const RULE_FIELDS = ["name", "description", "gates", "expr", "message", "enforcement"] as const;
const APPROVE_FIELDS = ["role", "count", "expires", "reason"] as const;
const LIMIT_FIELDS = ["name", "description", "match", "key", "each", "tokens", "period", "burst", "concurrency", "spacing"] as const;
const NAME = /^[a-z][a-z0-9_-]{0,63}$/;
const NAME_FORM = "lower-case letters, digits, _ and -, at most 64, a letter first";
const ROLE = /^[a-z][a-z0-9_-]{0,62}$/;
const ENFORCEMENTS: ReadonlyMap<string, Enforcement> = new Map<string, Enforcement>([
  ["deny", Enforcement.DENY],
  ["wait", Enforcement.WAIT],
  ["warn", Enforcement.WARN],
  ["audit", Enforcement.AUDIT],
]);
const ENFORCEMENT_FORM = "deny, wait, warn, audit, or approve: { role: sre, count: 2 }";
/** Names whose values one action of one workflow keeps for life; a limit's target is not among them. */
const LASTING_NAMES: readonly string[] = ["workflow", "scope", "principal", "params", "stage", "task"];

type LimitFields = FileFields<(typeof LIMIT_FIELDS)[number]>;

interface Reaction {
  readonly enforcement: Enforcement;
  readonly role: string;
  readonly count: number;
  readonly lastsMs: number;
  readonly needsReason: boolean;
}

const NO_APPROVAL = { role: "", count: 0, lastsMs: Infinity, needsReason: false } as const;

/** Reads one rule. */
export function readRule(field: FileCursor, params: ExprTypeDecl): CompiledRule | undefined {
  const fields = field.fields(RULE_FIELDS, "a rule");
  if (fields === undefined) return undefined;
  const name = fields.need("name", "write for example name: per-site")?.word(NAME, NAME_FORM);
  fields.read("description", (item) => item.text());
  const gates = readGates(field, fields.need("gates", "say when the rule is asked, such as gates: [submit]"));
  const reaction = readEnforcement(fields.need("enforcement", `say what follows: ${ENFORCEMENT_FORM}`));
  const exprField = fields.need("expr", "say in CEL what must hold");
  const messageField = fields.need("message", "say in CEL which value broke the rule, and what would pass");
  const vocabulary = ruleVocabulary(params, gates ?? [Gate.SUBMIT]);
  // Without gates nobody knows what may be named: one fault is enough.
  if (gates === undefined) return undefined;
  const expr = exprField === undefined ? undefined : compileField(exprField, { vocabulary, result: "bool", where: gates });
  const message = messageField === undefined ? undefined : compileField(messageField, { vocabulary, result: "string", where: gates });
  if (name === undefined || reaction === undefined || expr === undefined || message === undefined) return undefined;
  const readsLedger = expr.calls.some((call) => call.name.startsWith("ledger."));
  const isLasting = isLastingProgram(expr) && isLastingProgram(message);
  return {
    name,
    gates: new Set(gates),
    ...reaction,
    expr,
    message,
    place: placeName(expr.place, field.faults.file.near(field.path)),
    isLasting,
    isTimeBound: readsLedger || expr.names.has("now"),
  };
}

function readGates(rule: FileCursor, field: FileCursor | undefined): readonly Gate[] | undefined {
  if (field === undefined) return undefined;
  const items = field.items("gates");
  if (Array.isArray(field.value) && items.length === 0) field.refuse("a rule without a gate is never asked; write for example [submit]");
  const gates = items.map((item) => {
    const text = item.text();
    if (text === undefined) return undefined;
    const names = [...GATE_NAMES.keys()];
    return (
      GATE_NAMES.get(text) ??
      item.refuse(
        `there is no gate "${text.slice(0, 32)}"${didYouMean(text, names)}${didYouMean(text, names) === "" ? ";" : ""} gates are ${names.join(", ")}`,
      )
    );
  });
  const known = gates.filter((gate) => gate !== undefined);
  if (new Set(known).size !== known.length) rule.refuse("a gate stands twice in gates");
  return known.length === 0 || known.length !== gates.length ? undefined : known;
}

function readEnforcement(field: FileCursor | undefined): Reaction | undefined {
  if (field === undefined) return undefined;
  const { value } = field;
  if (isJsonObject(value)) return readApprove(field);
  if (typeof value !== "string") return field.refuse(`must be ${ENFORCEMENT_FORM}; found ${kindOf(value)}`);
  if (value === "approve") return field.refuse("approve needs a role: write approve: { role: sre, count: 2 }");
  const enforcement = ENFORCEMENTS.get(value);
  if (enforcement !== undefined) return { enforcement, ...NO_APPROVAL };
  return field.refuse(`must be ${ENFORCEMENT_FORM}${didYouMean(value, [...ENFORCEMENTS.keys(), "approve"])}`);
}

function readApprove(field: FileCursor): Reaction | undefined {
  const approve = field.fields(["approve"] as const, "enforcement")?.need("approve", "write approve: { role: sre, count: 2 }");
  const fields = approve?.fields(APPROVE_FIELDS, "approve");
  if (fields === undefined) return undefined;
  const role = fields.need("role", "say whose approval is needed, such as role: sre")?.word(ROLE, "the ROLE of approver:ROLE, such as sre");
  const count = fields.get("count");
  const needed = count === undefined ? 1 : count.number({ min: 1, max: APPROVALS_NEEDED_MAX, isWhole: true });
  const lastsMs = fields.read("expires", (item) => {
    const ms = item.durationMs();
    return ms === 0 ? item.refuse("must be longer than nothing; leave it out for approvals that do not expire") : ms;
  });
  const reason = fields.get("reason");
  if (reason !== undefined && reason.value !== "required") reason.refuse("must be required; leave it out where none is needed");
  if (role === undefined || needed === undefined || (fields.get("expires") !== undefined && lastsMs === undefined)) return undefined;
  return { enforcement: Enforcement.APPROVE, role, count: needed, lastsMs: lastsMs ?? Infinity, needsReason: reason !== undefined };
}

/** Reads one limit. */
export function readLimit(field: FileCursor, params: ExprTypeDecl): CompiledLimit | undefined {
  const fields = field.fields(LIMIT_FIELDS, "a limit");
  if (fields === undefined) return undefined;
  const name = fields.need("name", "write for example name: five-at-a-time")?.word(NAME, NAME_FORM);
  fields.read("description", (item) => item.text());
  const vocabulary = limitVocabulary(params);
  const compiled = (item: FileCursor | undefined, result: "bool" | "string"): Program | undefined =>
    item === undefined ? undefined : compileField(item, { vocabulary, result, where: "limit" });
  const match = compiled(fields.need("match", "say in CEL which tasks it is for; 'true' is every task"), "bool");
  const key = compiled(fields.need("key", `say in CEL what shares the limit; '"all"' is one limit for everything`), "string");
  const eachField = fields.get("each");
  const each = compiled(eachField, "string");
  const terms = readTerms(field, fields);
  if (name === undefined || match === undefined || key === undefined || terms === undefined) return undefined;
  if (eachField !== undefined && each === undefined) return undefined;
  const isLasting = [match, key, ...(each === undefined ? [] : [each])].every(isLastingProgram);
  return { name, match, key, each, terms, place: placeName(match.place, field.faults.file.near(field.path)), isLasting };
}

function readTerms(field: FileCursor, fields: LimitFields): LimitTerms | undefined {
  const whole = (name: "tokens" | "burst" | "concurrency", max: number): number | undefined =>
    fields.read(name, (item) => item.number({ min: 1, max, isWhole: true }));
  const tokens = whole("tokens", LIMIT_TOKENS_MAX);
  const burst = whole("burst", LIMIT_TOKENS_MAX);
  const concurrency = whole("concurrency", LIMIT_CONCURRENCY_MAX);
  const periodMs = fields.read("period", (item) => {
    const ms = item.durationMs();
    return ms === 0 ? item.refuse("must be longer than nothing") : ms;
  });
  const spacingMs = fields.read("spacing", (item) => item.durationMs());
  const has = (name: (typeof LIMIT_FIELDS)[number]): boolean => fields.get(name) !== undefined;
  if (has("tokens") !== has("period")) field.refuse("tokens and period belong together: so many tokens in a period");
  if (has("burst") && !has("tokens")) field.refuse("burst is for tokens: write tokens and period");
  if (has("each") && !has("tokens")) field.refuse("each is for tokens: a new value takes one; write tokens and period");
  if (!has("tokens") && !has("concurrency") && !(has("spacing") && spacingMs !== 0))
    return field.refuse("limits nothing: write concurrency, tokens and period, or spacing");
  const isBroken = (["tokens", "burst", "concurrency", "period", "spacing"] as const).some(
    (name) => has(name) && { tokens, burst, concurrency, period: periodMs, spacing: spacingMs }[name] === undefined,
  );
  if (isBroken || has("tokens") !== has("period")) return undefined;
  // Rounded up: never more than what is written.
  const intervalMs = tokens === undefined || periodMs === undefined ? 0 : Math.ceil(periodMs / tokens);
  return { concurrency, intervalMs, burst: burst ?? 1, spacingMs: spacingMs ?? 0, knownMs: has("each") ? (periodMs ?? 0) : 0 };
}

function isLastingProgram(program: Program): boolean {
  return program.calls.length === 0 && [...program.names].every((name) => LASTING_NAMES.includes(name));
}
