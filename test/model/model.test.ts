// Every interleaving, within these casts. Without clients' deaths the freeze has two crashes; with them, the state space would be ten times as large.

import { expect, test } from "vitest";
import { explore } from "./explorer.ts";
import { protocols } from "./protocols.ts";
import type { Bug } from "./service-steps.ts";
import type { Cast } from "./system.ts";

const STATES_MAX = 2_000_000;

const TWO: Cast = { runners: 2, hasStopper: false, crashes: 2, mayDie: true, mayBeLate: false };
const EXPIRING: Cast = { runners: 2, hasStopper: false, crashes: 1, mayDie: true, mayBeLate: true };
const STOPPED: Cast = { runners: 1, hasStopper: true, crashes: 2, mayDie: false, mayBeLate: false };

test.each([
  { what: "two clients of one request, who may die", cast: TWO },
  { what: "two clients of one request, which may expire", cast: EXPIRING },
  { what: "a client and an emergency stop", cast: STOPPED },
])("no interleaving of $what, the service and its crashes breaks a rule or ends nowhere", { timeout: 300_000 }, ({ what, cast }) => {
  const { found, states, steps, depth, ends } = explore(protocols(cast), STATES_MAX);
  console.log(`${what}, ${cast.crashes} crashes: ${states} states, ${steps} steps, depth ${depth}, ${ends} ends`);
  expect(found).toBeUndefined();
  expect(ends).toBeGreaterThan(0);
});

const BUGS: readonly { readonly bug: Bug; readonly cast: Cast; readonly rule: RegExp }[] = [
  { bug: "answers before the sync", cast: TWO, rule: /^H1: a Submit/ },
  { bug: "starts attempts before the sync", cast: TWO, rule: /^H[23]: / },
  { bug: "repeats blindly what is in doubt", cast: TWO, rule: /^H2: / },
  { bug: "executes before its ID is written down", cast: TWO, rule: /^handshake: / },
  { bug: "waits for no answer to its exec", cast: TWO, rule: /^H1: an Exec/ },
  { bug: "executes what has expired", cast: EXPIRING, rule: /^handshake: / },
  { bug: "looks at freezes only when an attempt starts", cast: STOPPED, rule: /^freeze: / },
];

test.each(BUGS)("a service or client that $bug is found out, with the way there", ({ bug, cast, rule }) => {
  const { found } = explore(protocols(cast, bug), STATES_MAX);
  expect(found?.rule).toMatch(rule);
  expect(found?.path.length).toBeGreaterThan(3);
});

test("a state from which nothing leads to an end is found out", () => {
  const stuck = explore(
    {
      first: 0,
      text: String,
      steps: (at) => (at === 0 ? [1, 2].map((next) => ({ name: `to ${next}`, next })) : []),
      broken: () => undefined,
      isEnd: (at) => at === 1,
    },
    10,
  );
  expect(stuck.found).toEqual({ rule: "dead end", path: ["to 2"] });
});

test("an end that only a misfortune leads to is no way out", () => {
  const steps = (at: number) => (at === 0 ? [{ name: "crash", next: 1, isMisfortune: true }] : []);
  const { found } = explore({ first: 0, text: String, steps, broken: () => undefined, isEnd: (at) => at === 1 }, 10);
  expect(found).toEqual({ rule: "dead end", path: [] });
});
