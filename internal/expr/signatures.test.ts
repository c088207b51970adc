import { expect, test } from "vitest";
import { builtins } from "./builtins.ts";
import { builtinOverloads } from "./extension-signatures.ts";

test("every function of the table has a type, and every type a function", () => {
  const table = builtins();
  const planned = new Set(["_&&_", "_||_", "_?_:_", "_[_]", "@not_strictly_false", "or", "orValue"]);
  for (const [key, overloads] of builtinOverloads()) {
    const kind = key.startsWith("m") ? ("method" as const) : ("function" as const);
    const name = key.slice(2);
    if (planned.has(name)) continue;
    for (const { parameters } of overloads) {
      const signature = { name, kind, arity: parameters.length };
      expect({ signature, found: table.find(signature) !== undefined }).toEqual({ signature, found: true });
    }
  }
  for (const kind of ["function", "method"] as const) {
    const prefix = kind === "method" ? "m" : "f";
    for (const name of table.names(kind)) expect([...builtinOverloads().keys()]).toContain(`${prefix} ${name}`);
  }
});
