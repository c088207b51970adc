// What a checker throws when a rule is broken: its message begins with the checker's name.

/** A broken rule. */
export class Violation extends Error {}

/** Throws when a rule is broken. */
export function must(holds: boolean, checker: string, what: () => string): void {
  if (!holds) throw new Violation(`${checker}: ${what()}`);
}
