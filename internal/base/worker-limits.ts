// The bounds of the worker thread, which judges large scopes and chooses among many targets, by name (H10): limits.ts has all others.
// The most significant word comes first, the unit last.

/** Up to so many targets a gate is tried on the event loop, within JUDGE_LOOP_COST_MAX steps: less than 15 ms. */
export const JUDGE_LOOP_TARGETS_MAX = 1_000;
export const JUDGE_LOOP_COST_MAX = 50_000;
/** Up to so many targets of the inventory a choice is tried on the event loop, within CHOOSE_LOOP_COST_MAX steps. */
export const CHOOSE_LOOP_TARGETS_MAX = 1_000;
export const CHOOSE_LOOP_COST_MAX = 50_000;
/** How often a gate is judged again with counts of the ledger that were not known before. */
export const JUDGE_ROUNDS_MAX = 8;
export const JUDGE_LEDGER_COUNTS_MAX = 10_000;
export const WORKER_JOBS_MAX = 256;
export const WORKER_QUESTION_MS_MAX = 30_000;
export const WORKER_TRIES_MAX = 3;
export const WORKER_RESTART_MS_MIN = 100;
export const WORKER_RESTART_MS_MAX = 5_000;
export const WORKER_HEAP_MIB_MAX = 1_024;
/** Targets that the worker holds: those of inventories and of workflows that came with their own lists. */
export const WORKER_HELD_TARGETS_MAX = 1_000_000;
export const WORKER_HELD_SOURCE_LENGTH_MAX = 64 * 1024 * 1024;
/** Lists are encoded in parts of so much time each. */
export const WORKER_SLICE_MS_MAX = 4;
export const WORKER_SLICE_TARGETS = 64;
