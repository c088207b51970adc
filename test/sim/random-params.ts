// Random parameters of workflows: every type, every kind of bound, and values that keep them.
// 1. What expressions may use of a parameter depends on its name alone, so that any set of them makes valid expressions.

import type { JsonValue } from "@bufbuild/protobuf";
import type { Chance } from "./chance.ts";

type Json = { [key: string]: JsonValue };

interface KnownParam {
  readonly declaration: Json;
  /** Values within its bounds. */
  readonly values: readonly JsonValue[];
  /** Conditions that hold for most of them. */
  readonly conditions: readonly string[];
  /** Expressions whose values stay the same for a whole workflow. */
  readonly texts: readonly string[];
}

const KNOWN: Readonly<Record<string, KnownParam>> = {
  version: {
    declaration: {
      type: "PARAM_TYPE_STRING",
      defaultValue: "1.27.4",
      pattern: "^[0-9.]+$",
      min: 1,
      max: 16,
      description: "What to install.",
    },
    values: ["1.0", "2.7.18", "1.27.4"],
    conditions: ['params.version != ""', 'params.version.startsWith("1")'],
    texts: ["params.version"],
  },
  channel: {
    declaration: { defaultValue: "stable", allowed: ["stable", "beta", "edge"] },
    values: ["stable", "beta", "edge"],
    conditions: ['params.channel in ["stable", "beta"]'],
    texts: ["params.channel"],
  },
  count: {
    declaration: { type: "PARAM_TYPE_INT", min: 0, max: 9, required: true },
    values: [0, 1, 9],
    conditions: ["params.count >= 0", "params.count + 1 > 0"],
    texts: ["params.count"],
  },
  ratio: {
    declaration: { type: "PARAM_TYPE_NUMBER", min: 0, max: 1, defaultValue: 0.5 },
    values: [0, 0.25, 1],
    conditions: ["params.ratio <= 1.0", "params.ratio * 2.0 >= 0.0"],
    texts: ["params.ratio"],
  },
  forced: {
    declaration: { type: "PARAM_TYPE_BOOL", description: "Do it anyway." },
    values: [true, false],
    conditions: ["params.forced || true", "!params.forced"],
    texts: ["params.forced"],
  },
  sites: {
    declaration: { type: "PARAM_TYPE_LIST", defaultValue: ["ams", "fra", "gva"], min: 1, max: 5 },
    values: [["ams"], ["ams", "fra", "gva"]],
    conditions: ['"ams" in params.sites', "size(params.sites) > 0"],
    texts: ["params.sites"],
  },
  extra: {
    declaration: { type: "PARAM_TYPE_OBJECT" },
    values: [{}, { owner: "sre", depth: { n: 1 } }],
    conditions: ["size(params.extra) >= 0", "!has(params.extra.owner) || params.extra.owner == 'sre'"],
    texts: ["params.extra"],
  },
};

/** Parameters of one workflow: how it declares them, and what is submitted. */
export interface RandomParams {
  readonly names: readonly string[];
  readonly declared: Json;
  readonly given: Json;
}

/** A few of them, often none. */
export function randomParams(chance: Chance): RandomParams {
  const names = chance.hit(0.5) ? [] : chance.some(Object.keys(KNOWN), 0.4);
  const declared: Json = {};
  const given: Json = {};
  for (const name of names) {
    const known = KNOWN[name];
    if (known === undefined) continue;
    declared[name] = known.declaration;
    const value = chance.pick(known.values);
    if (value !== undefined && (known.declaration["required"] === true || chance.hit(0.5))) given[name] = value;
  }
  return { names, declared, given };
}

/** Conditions about these parameters. */
export function paramConditions(names: readonly string[]): readonly string[] {
  return names.flatMap((name) => KNOWN[name]?.conditions ?? []);
}

/** Expressions with these parameters' values. */
export function paramTexts(names: readonly string[]): readonly string[] {
  return names.flatMap((name) => KNOWN[name]?.texts ?? []);
}
