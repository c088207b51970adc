// A mutant: one bug, as a patch of the product's sources, and the test that must notice it.
// 1. A patch's text occurs exactly once in its file: a source that has moved on makes the mutant an error, never a silent nothing.
// 2. Nothing here touches the tree: a patch is made on the text of a module while it is loaded (mutation-plugin.ts, mutation-hook.ts).

/** One replacement in one file. */
export interface Patch {
  /** From the root of the tree. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A test by its place and its whole name; suites and the test are joined by " > ". */
export interface NamedTest {
  readonly file: string;
  readonly name: string;
}

/** One bug. */
export interface Mutant {
  readonly name: string;
  /** The bug in a line. */
  readonly bug: string;
  /** The invariant of ARCHITECTURE.md, or the rule of the docs, that it breaks. */
  readonly breaks: string;
  readonly patches: readonly Patch[];
  readonly caughtBy: NamedTest;
}

/** The text with the patch made; throws when the patch's text is not there exactly once. */
export function patched(text: string, { file, find, replace }: Patch): string {
  const parts = text.split(find);
  if (parts.length !== 2) throw new Error(`mutation of ${file}: its text is there ${parts.length - 1} times, and must be once: ${find}`);
  return parts.join(replace);
}
