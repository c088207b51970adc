// The sinks of a file: how they begin, follow the file, keep the last good one, and are shown.

import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { FakeClock } from "../../test/fakes/fake-clock.ts";
import { FakeFeed, aFeedEvent } from "../../test/fakes/feed-events.ts";
import { aHttpService } from "../../test/fakes/http-service.ts";
import type { HttpService } from "../../test/fakes/http-service.ts";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { SINK_POLL_MS } from "../base/sink-limits.ts";
import { openSinks } from "./sinks.ts";
import type { OpenSinks } from "./sinks.ts";

class House {
  readonly directory = temporaryDirectory();
  readonly file = join(this.directory, "sinks.yaml");
  readonly clock = new FakeClock();
  readonly feed = new FakeFeed();
  readonly logged: string[] = [];
  service: HttpService = { origin: "", asked: [] };
  status = 200;

  async open(): Promise<OpenSinks> {
    const sinks = await openSinks({
      file: this.file,
      directory: join(this.directory, "kept"),
      feed: this.feed,
      clock: this.clock,
      ids: { fraction: () => 1 },
      secrets: { value: () => "s" },
      env: {},
      endGroup: () => undefined,
      log: { info: (line) => void this.logged.push(line), warn: (line) => void this.logged.push(`! ${line}`) },
    });
    onTestFinished(() => sinks.close());
    return sinks;
  }

  write(...sinks: readonly string[]): void {
    writeFileSync(this.file, `sinks:\n${sinks.map((sink) => `  - ${sink}\n`).join("")}`);
  }

  sink(name: string, from = "now"): string {
    return `{ name: ${name}, when: { kinds: [workflowEnded] }, from: ${from}, webhook: { url: "${this.service.origin}/${name}?token=hush" } }`;
  }

  /** What a sink's other side was asked, by the events' IDs. */
  got(name: string): string[] {
    return this.service.asked.filter(({ path }) => path.startsWith(`/${name}?`)).map(({ headers }) => String(headers["holdfast-event-id"]));
  }
}

async function aHouse(): Promise<House> {
  const house = new House();
  house.service = await aHttpService((_, response) => response.writeHead(house.status).end());
  return house;
}

const event = (seq: number) => aFeedEvent({ id: `w/${seq}` });

/** Lets time pass until something is so. */
async function until(house: House, holds: () => boolean): Promise<void> {
  await expect
    .poll(() => {
      house.clock.advance(SINK_POLL_MS);
      return holds();
    })
    .toBe(true);
}

test("a new sink begins now, or at the journal's start; each goes on from its own cursor after a restart", async () => {
  const house = await aHouse();
  house.feed.push(event(1));
  house.write(house.sink("new"), house.sink("old", "start"));
  const sinks = await house.open();
  house.feed.push(event(2));
  await expect.poll(() => [house.got("new"), house.got("old")]).toEqual([["w/2"], ["w/1", "w/2"]]);
  await expect.poll(() => sinks.list().sinks.map(({ behind }) => behind)).toEqual([0n, 0n]);
  await sinks.close();
  house.feed.push(event(3));
  await house.open();
  await expect
    .poll(() => [house.got("new"), house.got("old")])
    .toEqual([
      ["w/2", "w/3"],
      ["w/1", "w/2", "w/3"],
    ]);
});

test("a changed file is followed, what did not change in it is not disturbed, and a sink that comes back goes on where it was", async () => {
  const house = await aHouse();
  house.write(house.sink("a"), house.sink("b"));
  const sinks = await house.open();
  house.write(house.sink("a"), house.sink("c"));
  await until(
    house,
    () =>
      sinks
        .list()
        .sinks.map(({ name }) => name)
        .join() === "a,c",
  );
  house.feed.push(event(1));
  await expect.poll(() => [house.got("a"), house.got("b"), house.got("c")]).toEqual([["w/1"], [], ["w/1"]]);
  await expect.poll(() => sinks.list().sinks.map(({ behind }) => behind)).toEqual([0n, 0n]);
  house.write(house.sink("b"));
  await until(house, () => house.got("b").length === 1);
  expect(house.got("b")).toEqual(["w/1"]);
});

test("a broken file changes nothing, is told once with its place, and a restart keeps to the last good one", async () => {
  const house = await aHouse();
  house.write(house.sink("a"));
  const sinks = await house.open();
  house.write("{ name: a, whn: 1 }");
  await until(house, () => sinks.list().fault !== "");
  house.clock.advance(3 * SINK_POLL_MS);
  expect(sinks.list()).toMatchObject({
    sinks: [{ name: "a" }],
    fault: expect.stringContaining("sinks.yaml:2:16: sinks[0].whn: unknown field"),
  });
  expect(house.logged.filter((line) => line.includes("cannot be used"))).toHaveLength(1);
  await sinks.close();
  const again = await house.open();
  expect(again.list()).toMatchObject({ sinks: [{ name: "a" }], fault: expect.stringContaining("unknown field") });
  house.feed.push(event(1));
  await expect.poll(() => house.got("a")).toEqual(["w/1"]);
  house.write(house.sink("b"));
  await until(house, () => again.list().fault === "");
  expect(again.list().sinks.map(({ name }) => name)).toEqual(["b"]);
});

test("a first file that is broken, or none, stops the start", async () => {
  const house = await aHouse();
  await expect(house.open()).rejects.toThrow("the file of sinks sinks.yaml cannot be read (ENOENT)");
  house.write("{ name: a }");
  await expect(house.open()).rejects.toThrow("when is missing");
});

test("the list names what keeps a sink, and no path or query of its address", async () => {
  const house = await aHouse();
  house.status = 503;
  house.write(house.sink("a"), "{ name: b, when: { kinds: [all] }, command: { argv: [/bin/sh, -c, 'exit 1 # hush'] } }");
  const sinks = await house.open();
  house.feed.push(event(1));
  await expect.poll(() => sinks.list().sinks[0]?.tries).toBe(1);
  const { sinks: shown } = sinks.list();
  expect(shown[0]).toMatchObject({
    name: "a",
    to: `webhook ${house.service.origin}`,
    behind: 1n,
    waiting: "w/1",
    error: "answered 503",
    delivered: 0n,
  });
  expect(shown[1]).toMatchObject({ to: "command /bin/sh" });
  expect(shown.map(({ to, error, notice }) => [to, error, notice]).join()).not.toContain("hush");
  expect(house.logged.join("\n")).not.toContain("hush");
});

test("a test event goes out at once, beside what waits, and moves no cursor", async () => {
  const house = await aHouse();
  house.write(house.sink("a"));
  const sinks = await house.open();
  const { signal } = new AbortController();
  expect(await sinks.test("a", signal)).toBe("");
  expect(house.got("a")).toEqual([expect.stringMatching(/^test\/\d+$/)]);
  house.status = 403;
  expect(await sinks.test("a", signal)).toBe("answered 403");
  await expect(sinks.test("aa", signal)).rejects.toThrow('there is no sink "aa"; did you mean "a"?');
  expect(sinks.list().sinks).toMatchObject([{ delivered: 0n, error: "", waiting: "" }]);
});

test("a journal that was replaced by a backup is followed from the backup's end, and the list says so", async () => {
  const house = await aHouse();
  house.write(house.sink("a"));
  const sinks = await house.open();
  for (const seq of [1, 2, 3]) house.feed.push(event(seq));
  await expect.poll(() => house.got("a")).toHaveLength(3);
  await sinks.close();
  house.feed.batches.splice(1, 2, [event(9)]);
  house.feed.mark = { restore: "r1", batch: 1 };
  const again = await house.open();
  await expect.poll(() => house.got("a").slice(3)).toEqual(["w/9"]);
  expect(again.list().sinks[0]?.notice).toContain("backup that ends with batch 1");
});

test("a cursor that is damaged is refused by its name, and what is kept is private", async () => {
  const house = await aHouse();
  house.write(house.sink("a"));
  await (await house.open()).close();
  const kept = join(house.directory, "kept");
  expect(readdirSync(kept).toSorted()).toEqual(["a.json", "last-good.yaml"]);
  expect(readFileSync(join(kept, "last-good.yaml"), "utf8")).toBe(readFileSync(house.file, "utf8"));
  writeFileSync(join(kept, "a.json"), "{");
  await expect(house.open()).rejects.toThrow(/a\.json cannot be used: it holds no cursor of format 1; remove it/);
});
