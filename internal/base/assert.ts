// Assertions: the difference between a bug and everything else. They stay on in production.
// 1. A failed assertion is never caught to go on: the process ends, and the journal tells the rest.

/** A bug in Holdfast itself; nothing may handle it but the process's end. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** Throws AssertionError unless the property holds; `property` names what must be true. */
export function assert(condition: boolean, property: string): asserts condition {
  if (!condition) throw new AssertionError(`bug: this must hold and does not: ${property}`);
}

/** Ends an exhaustive switch over a closed union: it does not compile when a case is missing. */
export function assertNever(value: never): never {
  throw new AssertionError(`bug: a case that no switch handles: ${JSON.stringify(value)}`);
}

/** Returns the value where the code knows that it is there: for reads behind an index that was checked. */
export function present<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new AssertionError(`bug: ${what} must be there`);
  return value;
}
