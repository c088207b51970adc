// examples/loyalty-tier whole, in fake time: ten years of a customer, killed now and then, and what is kept of them does not grow.
// 1. What the journal in memory was told is told to the one on LevelDB too: there rows are counted, and verified.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { expect, onTestFinished, test } from "vitest";
import { assertAction } from "../action/assert.ts";
import { all } from "../../test/fakes/journal-entries.ts";
import { TESTER } from "../../test/fakes/principals.ts";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { World, requestId } from "../../test/fakes/world.ts";
import { WorkflowId, seq, workflowStream } from "../base/ids.ts";
import { Mode } from "../gen/holdfast/v1/event_pb.ts";
import { Phase } from "../gen/holdfast/v1/status_pb.ts";
import { SubmitRequestSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { openJournal } from "../journal/open-journal.ts";
import { readWorkflowFile } from "../sdk/workflow-file.ts";
import { valueToJson } from "../workflow/value-json.ts";
import type { Journal } from "./ports.ts";

const FILE = join(import.meta.dirname, "../../examples/loyalty-tier/loyalty-tier.yaml");

class Shop extends World {
  #signals = 0;

  async open(): Promise<string> {
    const { definition } = await readWorkflowFile(readFileSync(FILE, "utf8"), { file: FILE, readSource: async () => undefined });
    this.fleet.add(assertAction());
    await this.start();
    const request = create(SubmitRequestSchema, { requestId: requestId(1), key: "ann", definition });
    const { id, digest } = await this.engine.submit(TESTER, request, Mode.APPLY);
    await this.engine.exec(TESTER, { id, namespace: "" }, digest);
    return id;
  }

  async spend(amount: number, key = `bill-${++this.#signals}`): Promise<void> {
    await this.engine.signal(TESTER, ANN, { name: "spend", key, data: { amount } });
  }

  async ask(query: string): Promise<unknown> {
    const { value } = await this.engine.query(ANN, query);
    return value === undefined ? undefined : valueToJson(value);
  }

  /** Until a moment in the next month: its second day. */
  async passMonth(): Promise<void> {
    const now = new Date(this.clock.nowMs());
    const next = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 2);
    await this.clock.advanceAsync(next - this.clock.nowMs());
    await this.settle(3);
  }
}

/** The customer is found by the key, for ever. */
const ANN = { id: "ann", namespace: "default" };

/** Events and details of the workflow that can be read. */
async function kept(journal: Journal, id: string): Promise<{ readonly events: number; readonly details: number }> {
  const frames = await all(journal.readFrames(workflowStream(WorkflowId.parse(id)), { afterSeq: seq(0) }));
  const attempts = frames.flatMap(({ events }) => events.flatMap(({ kind }) => (kind.case === "attemptEnded" ? [kind.value] : [])));
  const details = attempts.filter(({ task, attempt }) => journal.detailOf(WorkflowId.parse(id), task, attempt) !== undefined);
  return { events: frames.reduce((sum, { events }) => sum + events.length, 0), details: details.length };
}

/** The amounts of a month, by what tier they make. */
const MONTHS: readonly (readonly [tier: string, amounts: readonly number[]])[] = [
  ["MEMBER", [99.5]],
  ["SILVER", [60, 40]],
  ["GOLD", [499, 1, 0.5]],
  ["PLATINUM", [900, 100]],
  ["MEMBER", []],
];

test("ten years of a customer: the tier is set at the first of each month, and the history of the tenth year is as long as that of the first", async () => {
  const shop = new Shop();
  const id = await shop.open();
  const lengths: { readonly events: number; readonly details: number }[] = [];
  for (let month = 0; month < 120; month++) {
    const [tier, amounts] = MONTHS[month % MONTHS.length] ?? ["", []];
    for (const amount of amounts) await shop.spend(amount, `m${month}-${amount}`);
    for (const amount of amounts) await shop.spend(amount, `m${month}-${amount}`); // told twice, counted once
    expect(await shop.ask("total")).toBe(amounts.reduce((sum, amount) => sum + amount, 0));
    if (month % 7 === 3) {
      shop.crash();
      await shop.start();
    }
    await shop.passMonth();
    expect([month, await shop.ask("tier"), await shop.ask("total")]).toEqual([month, tier, 0]);
    expect((await shop.status(id)).generation).toBe(month + 2);
    if (month % 60 === 59 || month === 14) lengths.push(await kept(shop.journal, id));
  }
  expect(new Date(shop.clock.nowMs()).toISOString()).toBe("2036-01-02T00:00:00.000Z");
  const [first] = lengths;
  expect(lengths).toEqual([first, first, first]);
  expect(first?.events).toBeLessThan(60);

  await shop.engine.signal(TESTER, ANN, { name: "close", key: "", data: {} });
  await shop.passMonth();
  expect((await shop.status(id)).phase).toBe(Phase.SUCCEEDED);
  await sameOnDisk(shop, id);
}, 60_000);

/** The same entries on LevelDB: the same can be read, all of it is whole, and the rows of the workflow are few. */
async function sameOnDisk(shop: Shop, id: string): Promise<void> {
  const directory = temporaryDirectory();
  const onFatal = (error: unknown): never => {
    throw error;
  };
  const journal = await openJournal(directory, { onFatal, nowMs: () => 0, isReadOnly: false });
  onTestFinished(() => journal.close());
  const rows: number[] = [];
  for (const [at, entry] of shop.journal.entries.entries()) {
    await journal.append(entry);
    if (at === Math.floor(shop.journal.entries.length / 10) || at === shop.journal.entries.length - 30)
      rows.push((await all(journal.dump({ stream: id }))).length);
  }
  expect((await journal.verify({})).damage).toEqual([]);
  expect(await kept(journal, id)).toEqual(await kept(shop.journal, id));
  const [early = 0, late = 0] = rows;
  expect(Math.abs(late - early)).toBeLessThan(20);
}
