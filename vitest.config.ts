// One project for each kind of test, so that `npx vitest run --project unit` runs just that kind.
// `scripts/verify.mjs` runs them in order and says which of them have no tests yet.
import { defineConfig } from "vitest/config";

const SECOND_MS = 1_000;

/** The kinds of tests: where each lives, and how long one test of it may take. */
const KINDS = [
  { name: "unit", include: ["internal/**/*.test.ts", "cmd/**/*.test.ts", "examples/**/*.test.ts"], timeoutMs: 10 * SECOND_MS },
  { name: "golden", include: ["test/golden/**/*.test.ts"], timeoutMs: 10 * SECOND_MS },
  { name: "contract", include: ["test/contract/**/*.test.ts"], timeoutMs: 30 * SECOND_MS },
  { name: "model", include: ["test/model/**/*.test.ts"], timeoutMs: 120 * SECOND_MS },
  { name: "oracle", include: ["test/oracle/**/*.test.ts", "test/walk/**/*.test.ts"], timeoutMs: 120 * SECOND_MS },
  { name: "fuzz", include: ["test/fuzz/**/*.test.ts"], timeoutMs: 120 * SECOND_MS },
  { name: "mutants", include: ["test/mutants/**/*.test.ts"], timeoutMs: 300 * SECOND_MS },
  { name: "sim", include: ["test/sim/**/*.test.ts"], timeoutMs: 120 * SECOND_MS },
  { name: "crash", include: ["test/crash/**/*.test.ts"], timeoutMs: 300 * SECOND_MS },
  { name: "e2e", include: ["test/e2e/**/*.test.ts"], timeoutMs: 120 * SECOND_MS },
  { name: "bench", include: ["test/bench/**/*.test.ts"], timeoutMs: 30 * SECOND_MS },
  { name: "tidy", include: ["test/tidy.test.ts"], timeoutMs: 30 * SECOND_MS },
];

export default defineConfig({
  test: {
    projects: KINDS.map(({ name, include, timeoutMs }) => ({
      test: {
        name,
        include,
        environment: "node",
        testTimeout: timeoutMs,
        hookTimeout: timeoutMs,
        exclude: ["**/node_modules/**", "dist/**"],
      },
    })),
  },
});
