// Bugs of what is told to the outside: the feed, and the sinks that read it.

import type { Mutant } from "./mutant.ts";

/** The list. */
export const SINK_MUTANTS: readonly Mutant[] = [
  {
    name: "wait-for-a-person-not-told",
    bug: "the feed does not derive that a workflow began to wait",
    breaks: "rule: alerts",
    patches: [
      {
        file: "internal/engine/feed-states.ts",
        find: "return isTold || isRuleHeld;",
        replace: "return isRuleHeld;",
      },
    ],
    caughtBy: {
      file: "internal/engine/event-feed.test.ts",
      name: "a workflow that waits for a person is told once for each new reason",
    },
  },
  {
    name: "wait-for-a-person-told-each-turn",
    bug: "a workflow that goes on waiting is told again at each of its events",
    breaks: "rule: alerts",
    patches: [
      {
        file: "internal/engine/feed-states.ts",
        find: "const isTold = isWaiting && isNew;",
        replace: "const isTold = isWaiting;",
      },
    ],
    caughtBy: {
      file: "internal/engine/event-feed.test.ts",
      name: "a workflow that waits for a person is told once for each new reason",
    },
  },
  {
    name: "feed-passes-over-an-event",
    bug: "reading from the middle of a batch begins one event too late",
    breaks: "rule: at least once",
    patches: [
      {
        file: "internal/engine/event-feed.ts",
        find: "step.cursor.events <= skipped",
        replace: "step.cursor.events <= skipped + (skipped > 0 ? 1 : 0)",
      },
    ],
    caughtBy: { file: "internal/engine/event-feed.test.ts", name: "from the cursor of each step the rest is told, and nothing twice" },
  },
  {
    name: "missing-batches-passed-in-silence",
    bug: "batches that are missing at the end of the journal are not told",
    breaks: "rule: what is lost is said",
    patches: [
      {
        file: "internal/journal/read-batches.ts",
        find: "  if (next <= range.lastBatch) yield missing(next, range.lastBatch);\n",
        replace: "",
      },
    ],
    caughtBy: {
      file: "internal/journal/read-batches.test.ts",
      name: "runs of batches that are missing are told where they were, at the start and at the end too",
    },
  },
  {
    name: "cursor-moves-without-delivery",
    bug: "an event that was refused is passed over",
    breaks: "rule: at least once",
    patches: [
      {
        file: "internal/sink/runner.ts",
        find: "      if (!this.#isStopping) await this.#pause(this.#failed({ waiting: id, reason: result.reason, tries }));\n",
        replace: "      return true;\n",
      },
    ],
    caughtBy: { file: "internal/sink/runner.test.ts", name: "what is not taken is tried again, later and later, and nothing overtakes it" },
  },
  {
    name: "next-event-before-the-cursor",
    bug: "the next event is sent when the cursor could not be written",
    breaks: "rule: at least once",
    patches: [
      {
        file: "internal/sink/runner.ts",
        find: "    if (this.#mustWrite) await this.#write();\n    this.#bell",
        replace: "    this.#mustWrite = false;\n    this.#bell",
      },
    ],
    caughtBy: { file: "internal/sink/runner.test.ts", name: "a cursor that cannot be written keeps the next event back" },
  },
  {
    name: "redirect-counts-as-taken",
    bug: "an answer that is not 2xx counts as taken",
    breaks: "rule: at least once",
    patches: [{ file: "internal/sink/webhook.ts", find: "status >= 200 && status < 300 ?", replace: "status >= 200 && status < 400 ?" }],
    caughtBy: { file: "internal/sink/deliver.test.ts", name: "an answer of 302" },
  },
  {
    name: "command-inherits-secrets",
    bug: "a sink's program gets the service's whole environment",
    breaks: "rule: secrets never leave",
    patches: [
      { file: "internal/sink/command.ts", find: "{ ...inherited(ports.env),", replace: "{ ...inherited(ports.env), ...ports.env," },
    ],
    caughtBy: {
      file: "internal/sink/deliver.test.ts",
      name: "a program gets the line on its stdin, and nothing of the service's environment but three variables",
    },
  },
  {
    name: "address-of-a-hook-shown",
    bug: "the list of sinks shows the whole address of a webhook, which may be a secret",
    breaks: "rule: secrets never leave",
    patches: [{ file: "internal/sink/sinks.ts", find: "new URL(to.url).origin", replace: "to.url" }],
    caughtBy: { file: "internal/sink/sinks.test.ts", name: "the list names what keeps a sink, and no path or query of its address" },
  },
  {
    name: "restored-journal-followed-from-the-old-place",
    bug: "after a restore from a backup a sink goes on where it was in the other journal",
    breaks: "rule: what is lost is said",
    patches: [
      {
        file: "internal/sink/cursor.ts",
        find: "if (restored !== undefined && kept.restore",
        replace: "if (restored === undefined && kept.restore",
      },
    ],
    caughtBy: { file: "internal/sink/cursor.test.ts", name: "a journal that came from a backup is followed from the backup's end, once" },
  },
];
