// What a damage came to, from what was seen of the directory before and after it, and the table of all of them.
// 1. Silent is whatever differs from what had been acknowledged while nobody says so. Wrong is what the service gives out as sound and is not.
// 2. Unworded is an error that does not say in our words what is damaged and what to do.

import type { FileKind, Hurt } from "./damage-kinds.ts";
import type { Probe, Served } from "./damage-prober.ts";

/** Who noticed a damage; `harmless`: everything is there, and nobody needs to say anything. */
export type Verdict = "harmless" | "verify" | "service" | "both" | "logbook" | "aborted" | "UNWORDED" | "SILENT" | "WRONG";

/** The verdicts, in the order of the table's columns. */
export const VERDICTS: readonly Verdict[] = ["harmless", "both", "verify", "service", "logbook", "aborted", "UNWORDED", "SILENT", "WRONG"];

/** How a damaged directory looks beside the whole one. */
export function judge(whole: Probe, found: Probe | "aborted"): Verdict {
  if (found === "aborted") return "aborted";
  const byVerify = found.verify.code !== 0;
  if (found.verify.code < 0) return "UNWORDED";
  const service = judgeService(whole.served, found.served);
  if (service === "wrong") return "WRONG";
  if (service === "unworded") return "UNWORDED";
  if (service === "named") return byVerify ? "both" : "service";
  if (byVerify) return "verify";
  if (found.logbook.damaged.length > 0) return "logbook";
  const isSame = found.rows === whole.rows && service === "same" && found.logbook.entries === whole.logbook.entries;
  return isSame ? "harmless" : "SILENT";
}

function judgeService(whole: Served, found: Served): "same" | "named" | "wrong" | "unnamed" | "unworded" {
  if (whole.kind !== "served") throw new Error(`the service does not start on the whole directory: ${whole.text}`);
  if (found.kind !== "served") return found.text.includes("JOURNAL_CORRUPT") || found.text.includes("cannot be") ? "named" : "unworded";
  // A workflow all of whose rows were in lost batches is not known any more: the batches are named. A service that knows none is another one.
  const areLostNamed = found.log.some((line) => line.includes("lacks batches"));
  let isNamed = areLostNamed;
  let unknown = 0;
  for (const [id, view] of Object.entries(whole.views)) {
    const now = found.views[id];
    if (now === undefined) return "wrong";
    if (now.named.includes("JOURNAL_CORRUPT")) isNamed = true;
    else if (now.named.includes("the journal lacks batches") && areLostNamed) unknown++;
    else if (now.named !== "" || now.phase !== view.phase || now.events !== view.events) return "wrong";
  }
  if (unknown === Object.keys(whole.views).length) return "wrong";
  if (isNamed) return "named";
  return found.more === whole.more ? "same" : found.more.includes("JOURNAL_CORRUPT") ? "named" : "unnamed";
}

/** One row of the table: a kind of file and a way of damage. */
export class DamageTable {
  readonly #rows = new Map<string, Map<Verdict, number>>();

  /** Counts one damage. */
  add(kind: FileKind, hurt: Hurt, verdict: Verdict): void {
    const row = this.#rows.get(`${kind} ${hurt}`) ?? new Map<Verdict, number>();
    row.set(verdict, (row.get(verdict) ?? 0) + 1);
    this.#rows.set(`${kind} ${hurt}`, row);
  }

  /** The table as text. */
  toString(): string {
    const cells = (name: string, values: readonly unknown[]): string =>
      name.padEnd(18) + values.map((value) => String(value).padStart(9)).join("");
    const rows = [...this.#rows].map(([name, row]) =>
      cells(
        name,
        VERDICTS.map((verdict) => row.get(verdict) ?? 0),
      ),
    );
    return [cells("file, damage", VERDICTS), ...rows].join("\n");
  }
}
