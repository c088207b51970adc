// Adds up the reports that vitest wrote for each kind of test:
//   node scripts/test-count.mjs     prints "N passed, M failed"
// 1. Run by itself it ends with 1 when a test failed or when no test ran: a check that ran nothing has shown nothing.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT } from "./command.mjs";

/** Where each kind of test leaves its report, relative to the checkout. */
export const REPORTS = ".cache/test-reports";

/** The sums over all reports that exist. A file that could not even be loaded counts as one failed test. */
export function sumReports() {
  const sums = { passed: 0, failed: 0, skipped: 0 };
  const directory = join(ROOT, REPORTS);
  if (!existsSync(directory)) return sums;
  for (const name of readdirSync(directory).sort()) {
    const report = JSON.parse(readFileSync(join(directory, name), "utf8"));
    const broken = report.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0).length;
    sums.passed += report.numPassedTests;
    sums.failed += report.numFailedTests + broken;
    sums.skipped += report.numPendingTests;
  }
  return sums;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { passed, failed, skipped } = sumReports();
  console.log(`${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}
