// A mutation on its way into another process: the patches in an environment variable, and the text of a module with them made.
// 1. The path decides, and nothing else: each module of the tree is patched by the patches of its file, all others are left as they are.

import { fileURLToPath } from "node:url";
import { patched } from "./mutant.ts";
import type { Patch } from "./mutant.ts";

/** The variable that carries the patches. */
export const MUTATION_VARIABLE = "HOLDFAST_MUTATION";

/** The root of the tree, with a slash at its end. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The patches that this process was given; none: it runs the tree as it is. */
export function patchesHere(): readonly Patch[] {
  const text = process.env[MUTATION_VARIABLE];
  return text === undefined || text === "" ? [] : parsePatches(JSON.parse(text));
}

/** The text of a module, patched; undefined: no patch is for it. */
export function mutate(path: string, text: string, patches: readonly Patch[]): string | undefined {
  const own = patches.filter(({ file }) => path === `${ROOT}${file}`);
  return own.length === 0 ? undefined : own.reduce(patched, text);
}

function parsePatches(json: unknown): readonly Patch[] {
  if (!Array.isArray(json)) throw new Error(`${MUTATION_VARIABLE} is not a list of patches`);
  return json.map((item: unknown) => {
    const fields = new Map<string, unknown>(Object.entries(Object(item)));
    const text = (name: string): string => {
      const value = fields.get(name);
      if (typeof value !== "string") throw new Error(`${MUTATION_VARIABLE}: a patch without ${name}`);
      return value;
    };
    return { file: text("file"), find: text("find"), replace: text("replace") };
  });
}
