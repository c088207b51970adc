// The bounds of endless workflows, by name, on one page (H10): what goes on, what goes over, what is kept.
// Everything else that is bounded is in limits.ts.

/** From one generation's start to the next: what never waits does not run away. */
export const CONTINUE_MS_MIN = 1_000;
/** Generations before the one under way whose events are kept, where the definition does not say; and at most. */
export const GENERATIONS_KEPT_DEFAULT = 3;
export const GENERATIONS_KEPT_MAX = 1_000;
/** Keys of signals of the generation before that a workflow goes on to know. */
export const SIGNAL_KEYS_CARRIED_MAX = 1_000;
/** What was said by tokens in the generation before, and is answered as the first time when it is said again. */
export const COMPLETIONS_CARRIED_MAX = 1_000;
/** What one batch drops of a stream's old generations, and of those of all its streams together; the rest goes with the next batches of each. */
export const JOURNAL_CUT_FRAMES_MAX = 64;
export const JOURNAL_CUT_BATCH_FRAMES_MAX = 512;
export const JOURNAL_CUT_BYTES_MAX = 256 * 1024;
