import { expect, test } from "vitest";
import { anId } from "../../test/fakes/journal-entries.ts";
import { GuardRun } from "../../test/fakes/guard-run.ts";
import { Chance } from "../../test/sim/chance.ts";
import type { GuardEvent } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { releaseHolder } from "./guard.ts";
import type { LedgerDimension, LedgerWindow } from "./ledger.ts";
import { ledgerReader, ledgerTouched, reserveTargets, settleTargets, touchTarget } from "./ledger.ts";

const WINDOWS: readonly (readonly [LedgerWindow, number])[] = [
  ["1h", 3_600_000],
  ["24h", 86_400_000],
  ["30d", 2_592_000_000],
];
const DIMENSIONS: readonly LedgerDimension[] = [
  { kind: "all" },
  ...["ams", "fra"].map((value) => ({ kind: "label", label: "site", value }) as const),
  ...["db", "web"].map((value) => ({ kind: "label", label: "role", value }) as const),
  ...["file", "erase@1", "command"].map((uses) => ({ kind: "action", uses }) as const),
  ...["ann", "bob"].map((name) => ({ kind: "principal", name }) as const),
];
const TARGETS = ["h1", "h2", "h3", "h4", "h5"];
const USES = ["file", "erase@1", "command"];
const IDS = [1, 2, 3].map((n) => anId(n));

/** What happened to one target by one workflow, from its reservation to its settling. */
interface Story {
  readonly holder: string;
  readonly target: string;
  readonly principal: string;
  labels: Readonly<Record<string, string>>;
  uses: readonly string[];
  movedSeq: number;
  touched: readonly string[];
  endMs: number | undefined;
}

/** All stories, told from the events alone. */
function storiesOf(events: readonly GuardEvent[]): readonly Story[] {
  const stories: Story[] = [];
  const open = (holder: string, target: string): Story | undefined =>
    stories.find((story) => story.holder === holder && story.target === target && story.endMs === undefined);
  events.forEach(({ kind, atMs }, at) => {
    if (kind.case === "targetsReserved") {
      const { holder, targets, labelSets, labelSet, uses, principal } = kind.value;
      targets.forEach((target, position) => {
        const labels = labelSets[labelSet[position] ?? 0]?.labels ?? {};
        const story = open(holder, target);
        if (story === undefined) stories.push({ holder, target, principal, labels, uses, movedSeq: at, touched: [], endMs: undefined });
        else Object.assign(story, { labels, uses: [...story.uses, ...uses], movedSeq: at });
      });
    } else if (kind.case === "targetTouched") {
      const story = open(kind.value.holder, kind.value.target);
      if (story !== undefined) Object.assign(story, { touched: [...story.touched, kind.value.uses], movedSeq: at });
    } else if (kind.case === "targetsSettled") {
      for (const { target, failedUses } of kind.value.targets) {
        const story = open(kind.value.holder, target);
        if (story === undefined) continue;
        if (failedUses.length > 0) story.movedSeq = at;
        Object.assign(story, { touched: [...story.touched, ...failedUses], endMs: Number(atMs) });
      }
    } else if (kind.case === "holderReleased") {
      for (const story of stories) if (story.holder === kind.value.holder) story.endMs ??= Number(atMs);
    }
  });
  return stories;
}

/** The targets that count, worked out from all stories each time. */
function countedTargets(stories: readonly Story[], windowMs: number, dimension: LedgerDimension, nowMs: number): ReadonlySet<string> {
  const isActive = ({ endMs }: Story): boolean => endMs === undefined;
  const isLate = ({ touched, endMs }: Story): boolean => endMs !== undefined && touched.length > 0 && nowMs < endMs + windowMs;
  const counted = (names: readonly Story[]): ReadonlySet<string> => new Set(names.map(({ target }) => target));
  const live = stories.filter((story) => isActive(story) || isLate(story));
  if (dimension.kind === "all") return counted(live);
  if (dimension.kind === "principal") return counted(live.filter(({ principal }) => principal === dimension.name));
  if (dimension.kind === "action") {
    const { uses } = dimension;
    return counted(live.filter((story) => story.touched.includes(uses) || (isActive(story) && story.uses.includes(uses))));
  }
  const { label, value } = dimension;
  return counted(
    live.filter(({ target }) => {
      const told = stories.filter((story) => story.target === target && (isActive(story) || story.touched.length > 0));
      const latest = told.reduce<Story | undefined>(
        (best, story) => (best === undefined || story.movedSeq > best.movedSeq ? story : best),
        undefined,
      );
      return latest?.labels[label] === value;
    }),
  );
}

function step(run: GuardRun, chance: Chance, nowMs: number): void {
  const workflow = chance.pick(IDS) ?? anId(1);
  const names = TARGETS.filter(() => chance.hit(0.4));
  const act = chance.int(0, 99);
  if (act < 35) {
    const targets = names.map((name) => ({
      name,
      labels: { site: chance.pick(["ams", "fra"]) ?? "", ...(chance.hit(0.5) ? { role: chance.pick(["db", "web"]) ?? "" } : {}) },
    }));
    const uses = USES.filter(() => chance.hit(0.5));
    run.move(reserveTargets(run.guard, { workflow, targets, uses, principal: workflow === anId(1) ? "ann" : "bob" }, nowMs));
  } else if (act < 65) {
    const [target = "h1", uses = "file"] = [chance.pick(TARGETS), chance.pick(USES)];
    run.move(touchTarget(run.guard, { workflow, target, uses }, nowMs));
  } else if (act < 92) {
    const settled = names.map((target) => ({ target, failedUses: USES.filter(() => chance.hit(0.15)) }));
    run.move(settleTargets(run.guard, workflow, settled, nowMs));
  } else if (act < 96) run.move(releaseHolder(run.guard, workflow, nowMs));
  else run.restart();
}

test.each(Array.from({ length: 25 }, (_, at) => at + 1))(
  "the ledger's counts equal those worked out from all events, at any time (seed %i)",
  (seed) => {
    const chance = new Chance(seed);
    const run = new GuardRun();
    let nowMs = 1_000_000;
    let last = new Map<string, { readonly members: string; readonly version: number }>();
    for (let turn = 0; turn < 120; turn++) {
      nowMs += chance.pick([0, 1, 60_000, 1_800_000, 3_600_000, 40_000_000, 900_000_000]) ?? 0;
      const versionsHold = turn > 0;
      const restartsBefore = run.guard;
      step(run, chance, nowMs);
      const except = TARGETS.filter(() => chance.hit(0.3));
      const reader = ledgerReader(run.guard, { nowMs, except });
      const stories = storiesOf(run.events);
      const seen = new Map<string, { readonly members: string; readonly version: number }>();
      for (const [window, windowMs] of WINDOWS) {
        for (const dimension of DIMENSIONS) {
          const name = `${window} ${JSON.stringify(dimension)}`;
          const expected = countedTargets(stories, windowMs, dimension, nowMs);
          const { count, version } = ledgerTouched(run.guard, window, dimension, nowMs);
          expect([name, count]).toEqual([name, expected.size]);
          const others = [...expected].filter((target) => !except.includes(target));
          expect([name, reader.touched(window, dimension)]).toEqual([name, { count: others.length, version }]);
          seen.set(name, { members: [...expected].sort().join(), version });
          const before = last.get(name);
          if (versionsHold && restartsBefore === run.guard && before?.version === version)
            expect(seen.get(name)?.members).toBe(before.members);
        }
      }
      last = seen;
    }
    for (const id of IDS) run.move(releaseHolder(run.guard, id, nowMs));
    ledgerTouched(run.guard, "30d", { kind: "all" }, nowMs + 2_592_000_000);
    const { targets, labelSets, reservations, cells } = run.guard.ledger;
    expect([targets.size, labelSets.size, reservations.size, [...cells.keys()].filter((key) => key !== "all").length]).toEqual([
      0, 0, 0, 0,
    ]);
  },
);
