// The flags of a command as the parser left them, read as what they must be.
// 1. A value of the wrong form is INVALID_ARGUMENT, and names the flag.

import { HoldfastError } from "../../internal/base/errors.ts";

/** Flags by their name in camel case. */
export type Options = Readonly<Record<string, unknown>>;

/** A flag with a value. */
export function textOption(options: Options, name: string): string | undefined {
  const value = options[name];
  return typeof value === "string" ? value : undefined;
}

/** A flag that may be repeated. */
export function listOption(options: Options, name: string): readonly string[] {
  const value = options[name];
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** A flag without a value. */
export function flag(options: Options, name: string): boolean {
  return options[name] === true;
}

/** A whole number within bounds. */
export function integerOption(options: Options, name: string, bounds: { min: number; max: number }): number | undefined {
  const text = textOption(options, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^-?\d{1,15}$/.test(text) && value >= bounds.min && value <= bounds.max) return value;
  throw new HoldfastError("INVALID_ARGUMENT", `--${kebab(name)} must be a whole number between ${bounds.min} and ${bounds.max}`);
}

/** `name=value` flags; a name twice is an error. */
export function pairsOption(options: Options, name: string): { [key: string]: string } {
  const pairs = new Map<string, string>();
  for (const item of listOption(options, name)) {
    const equals = item.indexOf("=");
    if (equals < 1) throw new HoldfastError("INVALID_ARGUMENT", `--${kebab(name)} must be name=value`);
    const key = item.slice(0, equals);
    if (pairs.has(key)) throw new HoldfastError("INVALID_ARGUMENT", `--${kebab(name)} names one thing twice`);
    pairs.set(key, item.slice(equals + 1));
  }
  return Object.fromEntries(pairs);
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
