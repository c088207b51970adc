// A process that looks at damaged directories: as `journal verify --data` does, and as the service does that starts on them. LevelDB may abort it.
// Usage: damage-prober.ts SUBJECT (a JSON file: the number of events of each workflow). A line of standard input is a directory with `data` and
// `state`; the answer is a line of JSON.
// 1. Verify and the service each get a copy of their own: opening a journal changes files.

import { createHash } from "node:crypto";
import { cpSync, existsSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { toJsonString } from "@bufbuild/protobuf";
import { runDaemon } from "../../cmd/holdfastd/daemon.ts";
import { parseFlags } from "../../cmd/holdfastd/flags.ts";
import { parseTokens } from "../../internal/api/token-record.ts";
import { GUARD_STREAM, seq } from "../../internal/base/ids.ts";
import { HistoryEventSchema, HoldKind } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { openJournal } from "../../internal/journal/open-journal.ts";
import { connectClient } from "../../internal/sdk/client.ts";
import type { HoldfastClient } from "../../internal/sdk/client.ts";
import { diskFiles } from "../../internal/sdk/logbook-files.ts";
import { phaseName } from "../../internal/sdk/wire-json.ts";
import { Logbook } from "../../internal/sdk/logbook.ts";
import { CliDesk } from "../fakes/cli-world.ts";

/** What a client sees of one workflow: as it was, or what names its damage. */
export interface View {
  readonly phase: string;
  /** A digest of the events that the workflow had when the directory was whole. */
  readonly events: string;
  /** The error that says JOURNAL_CORRUPT. */
  readonly named: string;
}

/** What the starting service does. */
export type Served =
  | { readonly kind: "refused" | "ended"; readonly text: string }
  | { readonly kind: "served"; readonly log: readonly string[]; readonly views: Readonly<Record<string, View>>; readonly more: string };

/** What is seen of a directory. */
export interface Probe {
  readonly verify: { readonly code: number; readonly text: string };
  /** A digest of all rows that verify's copy holds. */
  readonly rows: string;
  readonly served: Served;
  readonly logbook: { readonly entries: string; readonly damaged: readonly string[] };
}

const subject: Readonly<Record<string, number>> = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"));
/** The code of a verify that ended by an error which is not meant for people. */
const UNWORDED = -1;

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function verify(directory: string): Promise<Probe["verify"]> {
  try {
    const { code, stdout, stderr } = await new CliDesk({}, directory).run(["journal", "verify", "--data", directory]);
    return { code, text: stdout + stderr };
  } catch (error) {
    return { code: UNWORDED, text: textOf(error) };
  }
}

/** A digest of all rows, and of what the guard's stream reads as. */
async function rowsOf(directory: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    const journal = await openJournal(directory, { onFatal: () => undefined, nowMs: Date.now, isReadOnly: true });
    try {
      for await (const line of journal.dump({})) hash.update(`${line}\n`);
      for await (const frame of journal.readFrames(GUARD_STREAM, { afterSeq: seq(0) })) hash.update(String(frame.guardEvents.length));
    } finally {
      await journal.close();
    }
    return hash.digest("hex");
  } catch (error) {
    return textOf(error);
  }
}

async function viewOf(client: HoldfastClient, id: string): Promise<View> {
  const workflow = { id };
  try {
    const status = await client.status({ workflow });
    const corrupt = status.waitingFor.find(({ kind }) => kind === HoldKind.JOURNAL_CORRUPT);
    if (corrupt !== undefined) return { phase: "", events: "", named: corrupt.message };
    const hash = createHash("sha256");
    let count = 0;
    for await (const event of client.history({ workflow, details: true }))
      if (count++ < (subject[id] ?? 0)) hash.update(toJsonString(HistoryEventSchema, event));
    return { phase: phaseName(status.phase), events: `${Math.min(count, subject[id] ?? 0)} ${hash.digest("hex")}`, named: "" };
  } catch (error) {
    return { phase: "", events: "", named: textOf(error) };
  }
}

async function serve(directory: string): Promise<Served> {
  const log: string[] = [];
  const note = (line: string): void => void log.push(line);
  const env = { HOME: directory };
  const args = ["--data", join(directory, "data"), "--listen", "127.0.0.1:0"];
  const flags = parseFlags({ args, env, home: directory, cwd: directory, version: "" });
  if (flags.kind !== "run") throw new Error("flags");
  const ended = Promise.withResolvers<Served>();
  const onFatal = (error: unknown): void => ended.resolve({ kind: "ended", text: textOf(error) });
  process.on("uncaughtException", onFatal);
  process.on("unhandledRejection", onFatal);
  const world = { env, home: directory, cwd: directory, pid: process.pid, uid: process.getuid?.() ?? 0, temporary: directory, onFatal };
  const logger = { fatal: note, error: note, warn: note, info: () => undefined, debug: () => undefined };
  try {
    const daemon = await runDaemon(flags.config, { ...world, log: logger }, {});
    const token = readFileSync(join(directory, "data", "admin.token"), "utf8").trim();
    const client = connectClient({ address: daemon.address, token, callTimeoutMs: 20_000 });
    const looked = lookThrough(client, directory).then(async ({ views, more }): Promise<Served> => {
      await daemon.close();
      return { kind: "served", log, views, more };
    });
    return await Promise.race([looked, ended.promise]);
  } catch (error) {
    return { kind: "refused", text: textOf(error) };
  } finally {
    process.off("uncaughtException", onFatal);
    process.off("unhandledRejection", onFatal);
  }
}

async function lookThrough(
  client: HoldfastClient,
  directory: string,
): Promise<{ readonly views: Record<string, View>; readonly more: string }> {
  const views: Record<string, View> = {};
  for (const id of Object.keys(subject)) views[id] = await viewOf(client, id);
  const tokens = parseTokens(readFileSync(join(directory, "data", "tokens.json"), "utf8")); // no call shows the hash of a secret
  const asked = await Promise.all([
    client.getFreezes({}).then(({ proof }) => proof?.freezes.map(({ id, reason }) => `${id} ${reason}`)),
    client.listWorkflows({ pageSize: 1_000 }).then(({ workflows }) => workflows.map(({ id }) => id).sort()),
  ]).catch(textOf);
  return { views, more: JSON.stringify({ tokens, asked }) };
}

async function probe(directory: string): Promise<Probe> {
  const clock = { nowMs: () => 0, after: () => () => undefined };
  const { entries, damaged } = await new Logbook({ stateDirectory: join(directory, "state"), files: diskFiles, clock }).read();
  const copy = join(directory, "verified");
  cpSync(join(directory, "data"), copy, { recursive: true });
  const verified = await verify(copy);
  const rows = existsSync(join(copy, "journal")) ? await rowsOf(copy) : "";
  const served = await serve(directory);
  return { verify: verified, rows, served, logbook: { entries: JSON.stringify(entries), damaged: damaged.map(({ reason }) => reason) } };
}

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await probe(line);
  writeSync(1, `${JSON.stringify(answer)}\n`);
  if (answer.served.kind === "ended") process.exit(0); // what is left of that service must not meet the next directory
}

process.exit(0); // a service that was ended in the middle may have left something open
