// What a soak prints: one line a minute, and at the end what was done, what was found, what memory did, on which machine and when.

import { cpus, release, totalmem } from "node:os";
import type { Finding } from "../campaign/reckoning.ts";
import type { Criterion } from "./flatness.ts";
import { median } from "./flatness.ts";
import type { LifeSample } from "./life-report.ts";

const MIB = 1024 * 1024;

/** Everything that was counted. */
export interface SoakCount {
  readonly minutes: number;
  readonly workflows: number;
  readonly tasks: number;
  readonly held: number;
  readonly serviceKills: number;
  readonly clientKills: number;
  readonly journalBytes: number;
  readonly findings: readonly Finding[];
  readonly samples: readonly LifeSample[];
  readonly criteria: readonly Criterion[];
}

/** One minute. */
export function minuteLine(
  minute: number,
  now: Omit<SoakCount, "minutes" | "tasks" | "findings" | "samples" | "criteria">,
  last?: LifeSample,
): string {
  const { workflows, held, serviceKills, clientKills, journalBytes } = now;
  const counts = `workflows ${workflows}, kills ${serviceKills} service ${clientKills} clients, held ${held}, journal ${mib(journalBytes)} MiB`;
  if (last === undefined) return `${minute} min: ${counts}`;
  const memory = `heap ${mib(last.heapBytes)} anon ${mib(last.anonBytes)} rss ${mib(last.rssBytes)} MiB, fds ${last.fds}`;
  return `${minute} min: ${counts} | life of ${Math.round(last.ageMs / 1_000)} s: ${memory}, loop ${last.loopDelayMsMax} ms`;
}

/** The end. */
export function summaryLines(count: SoakCount): readonly string[] {
  const { samples, findings } = count;
  const quarter = Math.ceil(samples.length / 4);
  const found = (kind: Finding["kind"]): number => findings.filter((finding) => finding.kind === kind).length;
  const part = (name: string, some: readonly LifeSample[]): string =>
    `${name}: heap ${spread(some.map(({ heapBytes }) => heapBytes))}, anon ${spread(some.map(({ anonBytes }) => anonBytes))}, rss ${spread(some.map(({ rssBytes }) => rssBytes))} MiB (least/median/most), fds ${Math.max(0, ...some.map(({ fds }) => fds))} at most`;
  const delays = samples.map(({ loopDelayMsMax }) => loopDelayMsMax);
  return [
    "",
    `soak of ${count.minutes} min, ended ${new Date().toISOString()}, ${machine()}`,
    `workflows ${count.workflows}, tasks ${count.tasks}, kills ${count.serviceKills} of the service and ${count.clientKills} of clients, held ${count.held}`,
    `lost ${found("lost")}, doubled ${found("doubled")}, faults ${found("fault")}`,
    part("first quarter", samples.slice(0, quarter)),
    part("last quarter", samples.slice(-quarter)),
    `delay of the event loop: ${median(delays)} ms median of the 5-second maxima, ${Math.max(0, ...delays)} ms at most`,
    `journal ${mib(count.journalBytes)} MiB`,
    ...count.criteria.map(({ name, found: what, isMet }) => `${isMet ? "met    " : "NOT MET"} ${name}: ${what}`),
    ...findings.map(({ kind, what }) => `${kind}: ${what}`),
  ];
}

function machine(): string {
  return `${cpus().length} × ${cpus()[0]?.model ?? "?"}, ${Math.round(totalmem() / MIB / 1_024)} GiB, Linux ${release()}, Node ${process.version}`;
}

function spread(values: readonly number[]): string {
  return [Math.min(...values), median(values), Math.max(...values)].map(mib).join("/");
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}
