import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openJournal } from "../../internal/journal/open-journal.ts";
import { journalContract } from "./journal-contract.ts";
import type { JournalUnderTest } from "./journal-contract.ts";

async function openIn(directory: string): Promise<JournalUnderTest> {
  const onFatal = (error: unknown): never => {
    throw error;
  };
  const journal = await openJournal(directory, { onFatal, nowMs: Date.now, isReadOnly: false });
  return {
    journal,
    reopen: async () => {
      await journal.close();
      return openIn(directory);
    },
    end: async () => {
      await journal.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

journalContract("the journal on LevelDB", () => openIn(mkdtempSync(join(tmpdir(), "holdfast-journal-"))));
