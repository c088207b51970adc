// The bounds of event sinks and of the feed that they read, by name (H10): limits.ts has all others.
// The most significant word comes first, the unit last.

// The feed: what happened to all workflows and to the guard, from the journal
/** One reading of the feed ends after so many batches, or so many events that somebody wants; a sink holds no more than that. */
export const FEED_BATCHES_READ_MAX = 1_000;
export const FEED_EVENTS_READ_MAX = 64;
/** States that the feed keeps, to say who waits for a person, and the names of tasks. */
export const FEED_STATES_MAX = 512;
/** Workflows over whose lists the names of items are kept beside them. */
export const FEED_ITEM_NAMES_MAX = 64;
/** Tasks and targets of those states together; one workflow alone may have more. */
export const FEED_STATE_TASKS_MAX = 2_000_000;
export const FEED_HOLDS_SHOWN_MAX = 8;

// Sinks
export const SINKS_MAX = 32;
export const SINKS_FILE_BYTES_MAX = 256 * 1024;
export const SINK_KINDS_MAX = 64;
export const SINK_NAMES_MAX = 64;
export const SINK_HEADERS_MAX = 32;
export const SINK_HEADER_LENGTH_MAX = 4_096;
export const SINK_ARGV_MAX = 64;
export const SINK_ARGUMENT_LENGTH_MAX = 4_096;
export const SINK_URL_LENGTH_MAX = 2_048;
/** The event itself, as JSON; one that is larger is delivered without its fields, and says so. */
export const SINK_EVENT_BYTES_MAX = 256 * 1024;
export const SINK_TEXT_LENGTH_MAX = 2_048;
export const SINK_TIMEOUT_MS_MIN = 100;
export const SINK_TIMEOUT_MS_MAX = 300_000;
export const SINK_RETRY_MS_MIN = 100;
export const SINK_RETRY_MS_MAX = 3_600_000;
/** What is kept of what the other side said. */
export const SINK_ERROR_LENGTH_MAX = 1_024;
export const SINK_OUTPUT_BYTES_MAX = 4_096;
/** A process group that was told to end is killed after so long. */
export const SINK_COMMAND_GRACE_MS = 2_000;
/** A cursor that moved only past what a sink does not want is written after so many batches. */
export const SINK_CURSOR_BATCHES_UNWRITTEN_MAX = 1_000;
export const SINK_CURSOR_BYTES_MAX = 4_096;
export const SINK_POLL_MS = 2_000;
