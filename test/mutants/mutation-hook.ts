// Loaded by `--import` into every process that a mutated test starts from source, and into its threads: patches what Node itself loads.

import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { mutate, patchesHere } from "./mutation.ts";

const patches = patchesHere();

if (patches.length > 0) {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      const { source } = loaded;
      if (!url.startsWith("file:") || source === undefined || source === null) return loaded;
      const text = typeof source === "string" ? source : new TextDecoder().decode(source);
      const mutated = mutate(fileURLToPath(url), text, patches);
      return mutated === undefined ? loaded : { ...loaded, source: mutated };
    },
  });
}
