// Which events a sink wants.

import { expect, test } from "vitest";
import { aFeedEvent } from "../../test/fakes/feed-events.ts";
import { FEED_KINDS } from "../engine/feed-fields.ts";
import type { FeedEvent } from "../engine/ports.ts";
import { matches } from "./filter.ts";
import { readSinks } from "./sink-file.ts";

function check(when: string, event: Partial<FeedEvent>): string {
  const source = `sinks:\n  - name: a\n    when: ${when}\n    command: { argv: [/bin/true] }\n`;
  const [sink] = readSinks("sinks.yaml", source, FEED_KINDS);
  return sink === undefined ? "no sink" : matches(sink.when, aFeedEvent(event));
}

const ended = { kind: "workflowEnded", event: { outcome: "WORKFLOW_OUTCOME_FAILED" } };
const web = { id: "i", name: "nightly-web", namespace: "web", key: "", submittedBy: "ann", annotations: { owner: "sre" } };

test("by kind", () => {
  expect(check("{ kinds: [workflowEnded] }", ended)).toBe("yes");
  expect(check("{ kinds: [workflowFailed] }", ended)).toBe("no");
});

test.each([
  ["{ kinds: [all], namespaces: [web] }", "yes"],
  ["{ kinds: [all], namespaces: [default, db] }", "no"],
  ["{ kinds: [all], workflows: ['nightly-*'] }", "yes"],
  ["{ kinds: [all], workflows: ['*-web'] }", "yes"],
  ["{ kinds: [all], workflows: ['*ght*we*'] }", "yes"],
  ["{ kinds: [all], workflows: ['nightly-web-*'] }", "no"],
  ["{ kinds: [all], workflows: ['nightly-web*b'] }", "no"],
  ["{ kinds: [all], workflows: [nightly] }", "no"],
  ['{ kinds: [all], filter: \'workflow.annotations.owner == "sre" && event.outcome == "WORKFLOW_OUTCOME_FAILED"\' }', "yes"],
  ["{ kinds: [all], filter: 'at > timestamp(\"2030-01-01T00:00:00Z\")' }", "no"],
  ["{ kinds: [all], filter: 'event.nothing == 1' }", "unclear"],
  ["{ kinds: [all], filter: 'has(event.nothing) && event.nothing == 1' }", "no"],
])("%s: %s", (when, expected) => {
  expect(check(when, { ...ended, workflow: web })).toBe(expected);
});

test("what concerns the service passes the names of workflows", () => {
  const frozen = { kind: "freezePlaced", workflow: undefined };
  expect(check("{ kinds: [freezePlaced], namespaces: [web], workflows: [nightly] }", frozen)).toBe("yes");
  expect(check("{ kinds: [freezePlaced], filter: 'workflow.name != \"\"' }", frozen)).toBe("no");
});
