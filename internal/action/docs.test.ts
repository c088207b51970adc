import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createTestTransport } from "../../test/fakes/local-transport.ts";
import { timeMs } from "../base/ids.ts";
import { withArgumentTable } from "./arg-table.ts";
import { builtInActions } from "./catalogue.ts";

const ACTIONS = builtInActions({
  transport: createTestTransport(),
  clock: { nowMs: () => timeMs(0), monotonicMs: () => 0, bootId: () => "boot", after: () => () => undefined },
  pace: { run: (_origin, work) => work() },
});

test.each(ACTIONS)("docs/actions/$uses.md has the arguments that the service accepts", ({ uses, schema }) => {
  const file = `docs/actions/${uses}.md`;
  const page = readFileSync(file, "utf8");
  const wanted = withArgumentTable(page, schema);
  if (process.env["UPDATE_DOCS"] === "1") writeFileSync(file, wanted);
  else expect(page).toBe(wanted);
});
