// The file of sinks: what is right, and where each wrong thing is.

import { expect, test } from "vitest";
import { FEED_KINDS } from "../engine/feed-fields.ts";
import { ALERT_KINDS } from "./event-text.ts";
import { SINKS_MAX } from "../base/sink-limits.ts";
import { readSinks } from "./sink-file.ts";

function faultOf(source: string): string {
  try {
    readSinks("sinks.yaml", source, FEED_KINDS);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error("it was read");
}

const HOOK = "webhook: { url: 'http://127.0.0.1:1/x' }";

test("a file is read whole, with its defaults", () => {
  const [alerts, log] = readSinks(
    "sinks.yaml",
    `
sinks:
  - name: alerts
    description: for whoever is on call
    when: { kinds: [alerts, attemptEnded], namespaces: [default], workflows: ["nightly-*"], filter: 'kind != "attemptEnded" || event.outcome == "X"' }
    webhook: { url: "https://hooks.example/a?b", headers: { X-Team: sre }, secret_headers: { Authorization: pager }, secret: key, timeout: 3s }
    retry: { first: 2s, max: 1m }
  - { name: log, when: { kinds: [all] }, from: start, command: { argv: [/bin/cat, -n] } }
`,
    FEED_KINDS,
  );
  expect(alerts).toMatchObject({
    name: "alerts",
    when: { kinds: new Set([...ALERT_KINDS, "attemptEnded"]), namespaces: ["default"], workflows: ["nightly-*"] },
    from: "now",
    to: { kind: "webhook", headers: { "X-Team": "sre" }, secretHeaders: { Authorization: "pager" }, secret: "key", timeoutMs: 3_000 },
    retry: { firstMs: 2_000, maxMs: 60_000 },
  });
  expect(log).toMatchObject({
    from: "start",
    to: { argv: ["/bin/cat", "-n"], timeoutMs: 10_000 },
    retry: { firstMs: 1_000, maxMs: 300_000 },
  });
  expect(log?.when.kinds).toEqual(new Set(FEED_KINDS));
});

test("every kind of alert is a kind of the feed", () => {
  expect(FEED_KINDS).toEqual(expect.arrayContaining([...ALERT_KINDS]));
});

test.each([
  [
    `sinks:\n  - { name: a, when: { kinds: [workflowFaild] }, ${HOOK} }`,
    'sinks.yaml:2:32: sinks[0].when.kinds[0]: there is no kind "workflowFaild"; did you mean "workflowFailed"?',
  ],
  [`sinks:\n  - { name: a, wen: { kinds: [all] }, ${HOOK} }`, 'sinks.yaml:2:16: sinks[0].wen: unknown field; did you mean "when"?'],
  [
    `sinks:\n  - { name: a, when: { kinds: [all], filter: "workflw.name == 'x'" }, ${HOOK} }`,
    'sinks.yaml:2:47: sinks[0].when.filter: no such name "workflw"',
  ],
  [
    `sinks:\n  - { name: a, when: { kinds: [all], filter: "workflow.name" }, ${HOOK} }`,
    "sinks.yaml:2:56: sinks[0].when.filter: expected bool",
  ],
  [`sinks:\n  - { name: a, when: { kinds: [all] }, ${HOOK}, command: { argv: [/bin/true] } }`, "a sink has either webhook"],
  [`sinks:\n  - { name: a, when: { kinds: [all] } }`, "a sink has either webhook"],
  [`sinks:\n  - { name: a, when: { kinds: [] }, ${HOOK} }`, "a sink without kinds wants nothing"],
  [`sinks:\n  - { name: a, when: { kinds: [all] }, webhook: { url: "ftp://x" } }`, "must be an http or https URL"],
  [`sinks:\n  - { name: a, when: { kinds: [all] }, webhook: { url: "http://u:p@x" } }`, "use secret_headers"],
  [
    `sinks:\n  - { name: a, when: { kinds: [all] }, webhook: { url: "http://x", headers: { Holdfast-Sink: x } } }`,
    "is set by the service itself",
  ],
  [
    `sinks:\n  - { name: a, when: { kinds: [all] }, webhook: { url: "http://x", headers: { A: "x\\r\\nB: y" } } }`,
    "must be printable ASCII",
  ],
  [`sinks:\n  - { name: a, when: { kinds: [all] }, command: { argv: [cat] } }`, "must be an absolute path"],
  [`sinks:\n  - { name: a, when: { kinds: [all] }, ${HOOK}, retry: { first: 1h, max: 1s } }`, "first is longer than max"],
  [`sinks:\n  - { name: a, when: { kinds: [all] }, ${HOOK}, retry: { first: 0s } }`, "must be between 100ms and 3600s"],
  [
    `sinks:\n  - { name: a, when: { kinds: [all] }, ${HOOK} }\n  - { name: a, when: { kinds: [all] }, ${HOOK} }`,
    'sinks.yaml:3:5: sinks[1]: the name "a" stands twice',
  ],
  [`sinks: [`, "sinks.yaml:1:"],
])("a fault is named with line and column: %#", (source, fault) => {
  expect(faultOf(source)).toContain(fault);
});

test("as many sinks as allowed, and not one more", () => {
  const file = (count: number): string =>
    `sinks:\n${Array.from({ length: count }, (_, at) => `  - { name: s${at}, when: { kinds: [all] }, ${HOOK} }`).join("\n")}`;
  expect(readSinks("sinks.yaml", file(SINKS_MAX), FEED_KINDS)).toHaveLength(SINKS_MAX);
  expect(faultOf(file(SINKS_MAX + 1))).toContain(`at most ${SINKS_MAX} sinks`);
});
