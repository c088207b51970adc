// Bugs of the journal: what is told before it is on disk, and damage that goes unseen.

import type { Mutant } from "./mutant.ts";

/** The list. */
export const JOURNAL_MUTANTS: readonly Mutant[] = [
  {
    name: "journal-skips-the-sync",
    bug: "batches are written without a sync",
    breaks: "H1",
    patches: [{ file: "internal/journal/store.ts", find: "{ sync: true }", replace: "{ sync: false }" }],
    caughtBy: {
      file: "internal/journal/chain-order.test.ts",
      name: "every write is synced: what is acknowledged is on the disk, and not only in its cache",
    },
  },
  {
    name: "journal-answers-before-the-write",
    bug: "an append is acknowledged before its batch is written",
    breaks: "H3",
    patches: [
      {
        file: "internal/journal/level-journal.ts",
        find: "      await store.write(changes);",
        replace: "      batch.synced.resolve();\n      await store.write(changes);",
      },
    ],
    caughtBy: {
      file: "internal/journal/level-journal.test.ts",
      name: "a failed write is the end: it is told once, and nothing is acknowledged any more",
    },
  },
  {
    name: "journal-answers-after-a-failed-write",
    bug: "an append is acknowledged although its write failed",
    breaks: "H12",
    patches: [
      {
        file: "internal/journal/level-journal.ts",
        find: "      onFatal(error);\n      return;",
        replace: "      onFatal(error);\n      batch.synced.resolve();\n      return;",
      },
    ],
    caughtBy: {
      file: "internal/journal/level-journal.test.ts",
      name: "a failed write is the end: it is told once, and nothing is acknowledged any more",
    },
  },
  {
    name: "journal-writes-on-after-a-failure",
    bug: "after a failed write the next append is written and acknowledged",
    breaks: "H12",
    patches: [
      {
        file: "internal/journal/level-journal.ts",
        find: "      this.#hasEnded = true;\n      this.#inFlight = undefined;",
        replace: "      this.#inFlight = undefined;",
      },
    ],
    caughtBy: {
      file: "internal/journal/level-journal.test.ts",
      name: "a failed write is the end: it is told once, and nothing is acknowledged any more",
    },
  },
  {
    name: "journal-two-batches-in-flight",
    bug: "a batch leaves while another is being written",
    breaks: "H5",
    patches: [
      {
        file: "internal/journal/level-journal.ts",
        find: "if (this.#isScheduled || this.#inFlight !== undefined) return;",
        replace: "if (this.#isScheduled) return;",
      },
    ],
    caughtBy: {
      file: "internal/journal/chain-order.test.ts",
      name: "what is appended while a batch is being written waits for it, and follows it in the chain",
    },
  },
  {
    name: "journal-batch-unbounded",
    bug: "a batch takes any number of entries",
    breaks: "H10",
    patches: [
      {
        file: "internal/journal/batch.ts",
        find: "return batch.entries >= JOURNAL_BATCH_ENTRIES_MAX ||",
        replace: "return batch.entries >= 100 * JOURNAL_BATCH_ENTRIES_MAX ||",
      },
    ],
    caughtBy: { file: "internal/journal/level-journal.test.ts", name: "a batch is bounded, and a long queue goes out in several" },
  },
  {
    name: "journal-accepts-a-gap",
    bug: "an append that skips numbers is taken",
    breaks: "H1",
    patches: [
      {
        file: "internal/journal/level-journal.ts",
        find: "added.firstSeq === end.lastSeq + 1",
        replace: "added.firstSeq >= end.lastSeq + 1",
      },
    ],
    caughtBy: {
      file: "test/contract/journal-level.test.ts",
      name: "the journal on LevelDB > a gap or a repeated number is a bug, and says so at once",
    },
  },
  {
    name: "journal-reads-over-a-gap",
    bug: "a missing frame is read over",
    breaks: "H1",
    patches: [{ file: "internal/journal/read-frames.ts", find: "if (!isNext) return", replace: "if (!isNext && firstSeq < 0) return" }],
    caughtBy: { file: "internal/journal/verify.test.ts", name: "a frame in the middle that is removed is named" },
  },
  {
    name: "journal-forgets-a-lost-end",
    bug: "a stream that lost its end is read as if it were whole",
    breaks: "H1",
    patches: [{ file: "internal/journal/read-frames.ts", find: "if (nextSeq !== lastSeq + 1) {", replace: "if (nextSeq > lastSeq + 1) {" }],
    caughtBy: { file: "internal/journal/verify.test.ts", name: "a stream's last frame that is removed is named" },
  },
  {
    name: "journal-trusts-after-lost-batches",
    bug: "lost batches are not noticed when the journal is opened",
    breaks: "H1",
    patches: [
      {
        file: "internal/journal/chain.ts",
        find: "if (header.value === undefined) gaps.push({ first: number, last: number });",
        replace: "if (header.value === undefined) continue;",
      },
    ],
    caughtBy: {
      file: "internal/journal/verify.test.ts",
      name: "acknowledged batches at the end that LevelDB lost in silence are known, remembered, and not trusted",
    },
  },
  {
    name: "journal-chain-not-compared",
    bug: "verify does not compare the links of the chain",
    breaks: "H1",
    patches: [
      {
        file: "internal/journal/verify-headers.ts",
        find: "if (previous !== undefined && Buffer.compare(header.value.previous, previous) !== 0) {",
        replace: "if (previous !== undefined && Buffer.compare(header.value.previous, previous) > 1) {",
      },
    ],
    caughtBy: {
      file: "internal/journal/chain-order.test.ts",
      name: "a header that was written anew, with a checksum of its own, breaks the chain",
    },
  },
  {
    name: "journal-head-file-not-written",
    bug: "the head file is not kept, so that a lost tail goes unseen",
    breaks: "H1",
    patches: [{ file: "internal/journal/level-journal.ts", find: "      headFile?.write(chain); ", replace: "      " }],
    caughtBy: {
      file: "internal/journal/verify.test.ts",
      name: "acknowledged batches at the end that LevelDB lost in silence are known, remembered, and not trusted",
    },
  },
  {
    name: "journal-checksum-not-compared",
    bug: "a record is taken whatever its checksum says",
    breaks: "H1",
    patches: [
      {
        file: "internal/journal/record.ts",
        find: "if (crc32c(key, crc32c(payload)) !== stored)",
        replace: "if (crc32c(key, crc32c(payload)) === -1)",
      },
    ],
    caughtBy: { file: "internal/journal/record.test.ts", name: "every flipped bit, every cut and another key are damage" },
  },
  {
    name: "journal-guard-in-another-batch",
    bug: "the guard's events are appended apart from the turn's",
    breaks: "H7",
    patches: [
      {
        file: "internal/engine/runtime.ts",
        find: "    this.#lastAppend = journal.append(entry);",
        replace:
          "    void journal.append({ ...entry, guardEvents: [] });\n    this.#lastAppend = journal.append({ ...entry, id: undefined, events: [], details: [], index: undefined });",
      },
    ],
    caughtBy: { file: "test/crash/limits-every-append-memory.test.ts", name: "killed at two appends in a row, neither" },
  },
  {
    name: "brief-record-ends-at-stages",
    bug: "a list leaves out all that a status says after its stages",
    breaks: "H1",
    patches: [
      {
        file: "internal/journal/brief-record.ts",
        find: "readVarint(record, at) !== STAGES_TAG",
        replace: "readVarint(record, at) < STAGES_TAG",
      },
    ],
    caughtBy: {
      file: "internal/journal/brief-record.test.ts",
      name: "a brief record is the record without its stages, however many and long they are",
    },
  },
  {
    name: "brief-records-share-a-list",
    bug: "what one listed workflow waits for is shown of the next as well",
    breaks: "rule: one row, one workflow",
    patches: [
      {
        file: "internal/journal/brief-record.ts",
        find: "  return { ...EMPTY_SUMMARY, status: emptyStatus() };",
        replace: "  return { ...EMPTY_SUMMARY, status: (EMPTY_SUMMARY.status ??= emptyStatus()) };",
      },
    ],
    caughtBy: {
      file: "internal/journal/brief-record.test.ts",
      name: "an empty record is that of protobuf, and shares nothing with the next",
    },
  },
  {
    name: "closed-under-a-reader",
    bug: "whoever reads the journal while it is closed gets an error that ends the service as a bug would",
    breaks: "H11",
    patches: [
      {
        file: "internal/journal/store.ts",
        find: 'if (this.#isClosing && codeOf(error).endsWith("_NOT_OPEN")) return this.#closed();',
        replace: "",
      },
    ],
    caughtBy: {
      file: "internal/journal/closing.test.ts",
      name: "a verification that is under way when the journal is closed hears UNAVAILABLE, and so does one that begins later",
    },
  },
];
