// Random policies, twice over: as the text that the service reads, and as plain terms that the checkers read. Neither is made from the other's code.
// 1. One file, one policy, which every workflow matches. An edit changes its terms, never the names or the periods of its limits.

import { sha256Hex } from "../../internal/base/digest.ts";
import type { Chance } from "./chance.ts";

/** A limit as a policy file writes it. */
export interface LimitTerms {
  readonly name: string;
  /** Which action it is for; undefined: every one. */
  readonly uses: string | undefined;
  /** What shares it. */
  readonly keyBy: "all" | "site" | "uses";
  /** New values of this take a token. */
  readonly each: "site" | "rack" | undefined;
  readonly concurrency?: number;
  readonly tokens?: number;
  readonly periodS: number;
  readonly burst?: number;
  readonly spacingS?: number;
}

/** Who must approve work on more than so many targets. */
export interface ApproveTerms {
  readonly aloneMax: number;
  readonly role: string;
  readonly count: number;
  /** How long an approval counts; undefined: for ever. */
  readonly expiresS: number | undefined;
  readonly gate: "submit" | "exec";
}

/** One version of the policy. */
export interface PolicyTerms {
  readonly limits: readonly LimitTerms[];
  /** At most so many targets of a site within an hour. */
  readonly perSite: number | undefined;
  readonly approve: ApproveTerms | undefined;
  /** The name of workflows that are denied. */
  readonly denied: string | undefined;
  /** Somebody must approve a list of more items. */
  readonly listMax: number | undefined;
  /** A task waits while so many other targets of its site were touched within the hour. */
  readonly taskWait: number | undefined;
  /** No `touch` at this site. */
  readonly untouchable: string | undefined;
  /** How many times as much as on a few targets is allowed; edits keep to it. */
  readonly room: number;
}

/** Targets that the terms of a small policy are made for. */
const FEW_TARGETS = 7;
const TIGHT_RATE = 0.1;

/** Random terms, with room for so many targets; now and then with next to none. */
export function randomPolicy(chance: Chance, targets = FEW_TARGETS): PolicyTerms {
  const room = chance.hit(TIGHT_RATE) ? 1 : Math.ceil(targets / FEW_TARGETS);
  const limits = Array.from({ length: chance.int(0, 3) }, (_, index) => randomLimit(chance, `limit-${index}`, room));
  return { limits, room, ...randomRules(chance, room) };
}

/** The same policy with other terms: tighter, looser, or both. */
export function editedPolicy(chance: Chance, { limits, room }: PolicyTerms): PolicyTerms {
  const edited = (limit: LimitTerms): LimitTerms => ({ ...limit, ...randomTerms(chance, { hasTokens: limit.each !== undefined, room }) });
  return { limits: limits.filter(() => chance.hit(0.9)).map(edited), room, ...randomRules(chance, room) };
}

function randomRules(chance: Chance, room: number): Omit<PolicyTerms, "limits" | "room"> {
  const approve: ApproveTerms = {
    aloneMax: chance.int(0, 4),
    role: chance.pick(["sre", "dba"]) ?? "sre",
    count: chance.int(1, 2),
    expiresS: chance.fork("expires").hit(0.4) ? chance.fork("expiry").pick([20, 300, 7_200]) : undefined,
    gate: chance.pick(["submit", "exec"] as const) ?? "submit",
  };
  const lists = chance.fork("lists");
  return {
    listMax: lists.hit(0.3) ? lists.int(0, 2) : undefined,
    perSite: chance.hit(0.4) ? (room === 1 ? chance.int(1, 3) : chance.int(2, 6) * room) : undefined,
    approve: chance.hit(0.25) ? approve : undefined,
    denied: chance.hit(0.2) ? "delicate" : undefined,
    taskWait: chance.hit(0.15) ? chance.int(1, 3) * room : undefined,
    untouchable: chance.hit(0.1) ? "fra" : undefined,
  };
}

function randomLimit(chance: Chance, name: string, room: number): LimitTerms {
  const each = chance.hit(0.4) ? chance.pick(["site", "rack"] as const) : undefined;
  return {
    name,
    uses: chance.hit(0.3) ? undefined : chance.pick(["set", "touch", "probe"]),
    keyBy: chance.pick(["all", "all", "site", "uses"] as const) ?? "all",
    each,
    periodS: chance.pick(room === 1 ? [5, 30, 100, 600] : [5, 30]) ?? 30,
    ...randomTerms(chance, { hasTokens: each !== undefined, room }),
  };
}

function randomTerms(chance: Chance, of: { readonly hasTokens: boolean; readonly room: number }): Partial<LimitTerms> {
  const { hasTokens, room } = of;
  const tokens = hasTokens || chance.hit(0.4) ? { tokens: chance.int(1, 3) * room, burst: chance.int(1, 3) * room } : {};
  const terms = {
    ...tokens,
    ...(chance.hit(0.5) ? { concurrency: chance.int(1, 3) * room } : {}),
    ...(room === 1 && chance.hit(0.3) ? { spacingS: chance.int(1, 10) } : {}),
  };
  return Object.keys(terms).length === 0 ? { concurrency: room } : terms;
}

const KEYS = { all: '"all"', uses: "task.uses" } as const;

/** The file. */
export function policyText(terms: PolicyTerms): string {
  const lines = ["name: sim", "match: 'true'", "rules:", ...rule({ name: "told", gate: "submit", expr: "false", enforcement: "audit" })];
  const { perSite, approve, denied, listMax, taskWait, untouchable, limits } = terms;
  if (perSite !== undefined) {
    const expr = `countBy(targets, "site").all(site, n, ledger.touched("1h", "site", site) + n <= ${perSite})`;
    lines.push(...rule({ name: "per-site", gate: "wave", expr, enforcement: "wait" }));
  }
  if (approve !== undefined) {
    const expires = approve.expiresS === undefined ? "" : `, expires: ${approve.expiresS}s`;
    const enforcement = `{ approve: { role: ${approve.role}, count: ${approve.count}${expires} } }`;
    lines.push(...rule({ name: "people", gate: approve.gate, expr: `scope.targets <= ${approve.aloneMax}`, enforcement }));
  }
  if (listMax !== undefined) {
    const enforcement = "{ approve: { role: sre } }";
    lines.push(...rule({ name: "lists", gate: "expand", expr: `size(targets) <= ${listMax} && stage.over == "list"`, enforcement }));
  }
  if (denied !== undefined)
    lines.push(...rule({ name: "denied", gate: "submit", expr: `workflow.name != "${denied}"`, enforcement: "deny" }));
  if (taskWait !== undefined) {
    const expr = `stage.over != "targets" || ledger.touched("1h", "site", target.labels.site) < ${taskWait}`;
    lines.push(...rule({ name: "task-wait", gate: "task", expr, enforcement: "wait" }));
  }
  if (untouchable !== undefined) {
    const expr = `stage.over != "targets" || task.uses != "touch" || target.labels.site != "${untouchable}"`;
    lines.push(...rule({ name: "untouchable", gate: "task", expr, enforcement: "deny" }));
  }
  if (limits.length > 0) lines.push("limits:", ...limits.flatMap(limitLines));
  return `${lines.join("\n")}\n`;
}

function rule(of: { readonly name: string; readonly gate: string; readonly expr: string; readonly enforcement: string }): string[] {
  const { name, gate, expr, enforcement } = of;
  return [
    `  - name: ${name}`,
    `    gates: [${gate}]`,
    `    expr: '${expr}'`,
    `    message: '"because of ${name}"'`,
    `    enforcement: ${enforcement}`,
  ];
}

function limitLines(limit: LimitTerms): string[] {
  const { name, uses, keyBy, each, concurrency, tokens, periodS, burst, spacingS } = limit;
  const match = uses === undefined ? "true" : `task.uses == "${uses}"`;
  const needsTarget = keyBy === "site" || each !== undefined;
  return [
    `  - name: ${name}`,
    `    match: '${needsTarget ? `${match} && stage.over == "targets"` : match}'`,
    `    key: '${keyBy === "site" ? "target.labels.site" : KEYS[keyBy]}'`,
    ...(each === undefined ? [] : [`    each: 'target.labels.${each}'`]),
    ...(concurrency === undefined ? [] : [`    concurrency: ${concurrency}`]),
    ...(tokens === undefined ? [] : [`    tokens: ${tokens}`, `    period: ${periodS}s`, `    burst: ${burst ?? 1}`]),
    ...(spacingS === undefined ? [] : [`    spacing: ${spacingS}s`]),
  ];
}

/** How the journal names a version. */
export function policyDigest(terms: PolicyTerms): string {
  return `sha256:${sha256Hex(policyText(terms))}`;
}
