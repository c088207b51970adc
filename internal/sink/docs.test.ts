// What docs/sinks.md shows is read as it stands, and its table of alerts is the code's.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FEED_KINDS } from "../engine/feed-fields.ts";
import { ALERT_KINDS } from "./event-text.ts";
import { readSinks } from "./sink-file.ts";

const PAGE = readFileSync(join(import.meta.dirname, "../../docs/sinks.md"), "utf8");

test("the file that the page shows is a file of sinks", () => {
  const [, shown = ""] = /^```yaml\n([^]*?)^```$/m.exec(PAGE) ?? [];
  expect(readSinks("sinks.yaml", shown, FEED_KINDS).map(({ name }) => name)).toEqual(["on-call", "fruit"]);
});

test("the page's alerts are those that there are", () => {
  const rows = PAGE.slice(PAGE.indexOf("| kind | when |"), PAGE.indexOf("*Waiting* is no event"));
  expect([...rows.matchAll(/`([a-z]+[A-Z][A-Za-z]+)`(?=[^|]*\|[^|]*\|$)/gm)].map(([, kind = ""]) => kind).toSorted()).toEqual(
    ALERT_KINDS.toSorted(),
  );
});
