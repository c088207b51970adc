import { create } from "@bufbuild/protobuf";
import { createRouterTransport } from "@connectrpc/connect";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { START_AGE_MS_MAX } from "../base/limits.ts";
import { Phase } from "../gen/holdfast/v1/status_pb.ts";
import { SubmitRequestSchema, WorkflowService } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { HoldfastClient } from "./client.ts";
import { completeEntry, execEntry, newEntry, submitEntry } from "./handshake.ts";
import type { HandshakePorts } from "./handshake.ts";
import { diskFiles } from "./logbook-files.ts";
import { Logbook } from "./logbook.ts";
import type { LogbookFiles } from "./ports.ts";

const NOW_MS = 1_800_000_000_000;
const HERE = { address: "http://127.0.0.1:7543", credential: "c" };
const REQUEST_ID = "7f3c9a52-0d0b-4a8e-9d0e-2f6f1c6f3a11";
const WORKFLOW_ID = "0190a6b0-5a00-7000-8000-000000000001";
const REQUEST = create(SubmitRequestSchema, { requestId: REQUEST_ID, namespace: "default", definition: { name: "one" } });

/** A service in memory and a logbook on disk; every step of either is told, in order. */
class Desk {
  readonly steps: string[] = [];
  /** By request ID. */
  readonly phases = new Map<string, Phase>();
  readonly ports: HandshakePorts;
  readonly directory = temporaryDirectory();

  constructor() {
    const client = new HoldfastClient(this.#transport(), { callTimeoutMs: 5_000 });
    const clock = { nowMs: () => NOW_MS, after: () => () => undefined };
    const logbook = new Logbook({ stateDirectory: this.directory, files: this.#files(), clock });
    const { signal } = new AbortController();
    const patience = { clock, giveUpAfterMs: 0, onTrouble: () => undefined, onRecovered: () => undefined, signal };
    this.ports = { client, logbook, patience };
  }

  entry(createdAtMs = NOW_MS) {
    return newEntry(REQUEST, { intent: "exec", file: "w.yaml", service: HERE, nowMs: createdAtMs });
  }

  #files(): LogbookFiles {
    const told = <Args extends unknown[], Answer>(step: string, act: (...args: Args) => Promise<Answer>) => {
      return (...args: Args): Promise<Answer> => {
        this.steps.push(step);
        return act(...args);
      };
    };
    const { steps, directory } = this;
    return {
      ...diskFiles,
      writeSynced: told("write", diskFiles.writeSynced),
      rename: told("rename", diskFiles.rename),
      syncDirectory: (path) => {
        steps.push(path === join(directory, "logbook") ? "sync" : "sync above");
        return diskFiles.syncDirectory(path);
      },
    };
  }

  #transport() {
    const { steps, phases } = this;
    const statusOf = (requestId: string) => ({ id: WORKFLOW_ID, digest: "d", phase: phases.get(requestId) ?? Phase.UNSPECIFIED });
    return createRouterTransport(({ service }) =>
      service(WorkflowService, {
        submit: ({ requestId }) => {
          steps.push("submit");
          phases.set(requestId, phases.get(requestId) ?? Phase.SUBMITTED);
          return { id: WORKFLOW_ID, digest: "d" };
        },
        exec: () => {
          steps.push("exec");
          for (const requestId of phases.keys()) phases.set(requestId, Phase.RUNNING);
          return { status: statusOf(REQUEST_ID) };
        },
        status: () => ({ status: statusOf(REQUEST_ID) }),
        listWorkflows: ({ filter }) => ({
          workflows: [...phases.keys()].filter((id) => filter.includes(JSON.stringify(id))).map(statusOf),
        }),
      }),
    );
  }
}

test("the request is on disk before Submit is sent, and the ID before Exec", async () => {
  const { ports, steps, entry } = bound(new Desk());
  const submitted = await submitEntry(ports, entry(), REQUEST, { isFirstTry: true });
  await execEntry(ports, submitted.entry);
  const saved = ["write", "rename", "sync"];
  expect(steps).toEqual(["sync above", ...saved, "submit", ...saved, "exec", ...saved]);
  expect((await ports.logbook.read()).entries).toMatchObject([{ id: WORKFLOW_ID, executedAtMs: NOW_MS }]);
});

test("a request that never arrived is sent by the next process under the same request ID", async () => {
  const { ports, phases, entry } = bound(new Desk());
  const written = await ports.logbook.save(entry());
  expect(await completeEntry(ports, written, { ...HERE, isForced: false })).toMatchObject({ kind: "known", wasExecuted: true });
  expect([...phases]).toEqual([[REQUEST_ID, Phase.RUNNING]]);
});

test("a Submit whose answer was lost is found by its request ID, and not sent again", async () => {
  const { ports, steps, phases, entry } = bound(new Desk());
  const written = await ports.logbook.save(entry());
  phases.set(REQUEST_ID, Phase.SUBMITTED);
  expect(await completeEntry(ports, written, { ...HERE, isForced: false })).toMatchObject({ kind: "known", wasExecuted: true });
  expect(steps.filter((step) => step === "submit" || step === "exec")).toEqual(["exec"]);
});

test("a request that never arrived and is old, or was meant for another service, is not sent unless somebody says so", async () => {
  const { ports, steps, entry } = bound(new Desk());
  const old = await ports.logbook.save(entry(NOW_MS - START_AGE_MS_MAX - 1));
  expect(await completeEntry(ports, old, { ...HERE, isForced: false })).toMatchObject({ kind: "stale", ageMs: START_AGE_MS_MAX + 1 });
  const other = { address: "http://127.0.0.1:1", credential: "other" };
  expect(await completeEntry(ports, old, { ...other, isForced: false })).toMatchObject({ kind: "elsewhere" });
  expect(steps).not.toContain("submit");
  expect(await completeEntry(ports, old, { ...HERE, isForced: true })).toMatchObject({ kind: "known" });
});

test("a file of the logbook is synced before it is closed, and so before its name is put in place", async () => {
  const directory = temporaryDirectory();
  const any = await open(directory, "r");
  const syncs = vi.spyOn(Object.getPrototypeOf(any), "sync");
  onTestFinished(() => syncs.mockRestore());
  await any.close();
  await diskFiles.writeSynced(join(directory, "entry.tmp"), "text");
  expect(syncs).toHaveBeenCalledTimes(1);
  await diskFiles.syncDirectory(directory);
  expect(syncs).toHaveBeenCalledTimes(2);
});

function bound(desk: Desk) {
  const { ports, steps, phases } = desk;
  return { ports, steps, phases, entry: (createdAtMs?: number) => desk.entry(createdAtMs) };
}
