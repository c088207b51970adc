// Every bound of Holdfast, by name, on one page (H10). Beyond a bound the answer is RESOURCE_EXHAUSTED or INVALID_ARGUMENT, never a crash.
// The most significant word comes first, the unit last. A bound that an operator may change says so.

// Workflow definitions
export const STAGES_MAX = 64;
export const ACTIONS_PER_STAGE_MAX = 64;
export const PARAMS_MAX = 128;
export const TARGETS_MAX = 200_000;
export const TASKS_PER_WORKFLOW_MAX = 2_000_000;
export const WAVES_MAX = 64;
export const ATTEMPTS_MAX = 100;
export const REQUEST_BYTES_MAX = 16 * 1024 * 1024;

// Expressions
export const EXPR_LENGTH_MAX = 4_096;
export const EXPR_DEPTH_MAX = 100;
export const EXPR_TREE_DEPTH_MAX = 500;
/** Steps of one expression, or of all expressions of a gate, on the event loop: a step takes 25 to 250 ns. */
export const EXPR_COST_LOOP_MAX = 100_000;
export const EXPR_VALUE_DEPTH_MAX = 200;
export const EXPR_SNIPPET_LENGTH_MAX = 120;
export const TEMPLATE_EXPRESSIONS_MAX = 500;
export const TEMPLATE_SOURCE_LENGTH_MAX = 32 * 1024;
export const TEMPLATE_DEPTH_MAX = 64;
export const TEMPLATE_TEXT_LENGTH_MAX = 4 * 1024 * 1024;

// JSON and YAML
export const JSON_DEPTH_MAX = 512;
export const YAML_DEPTH_MAX = 64;
export const YAML_ALIASES_MAX = 100;
export const YAML_ALIAS_NODES_MAX = 10_000;
export const ERRORS_SHOWN_MAX = 20;
export const NEAREST_CANDIDATES_MAX = 1_000;

// Attempts and their outputs
export const OUTPUT_BYTES_MAX = 256 * 1024;
export const OUTPUT_TAIL_BYTES_MAX = 4_096;
export const WORKFLOW_OUTPUT_BYTES_MAX = 64 * 1024;
export const ERROR_MESSAGE_LENGTH_MAX = 1_024;

// The client: its logbook, its calls, its files
export const DURATION_MS_MAX = 30 * 24 * 3_600_000;
export const LOGBOOK_ENTRY_BYTES_MAX = 64 * 1024 * 1024;
export const LOGBOOK_ENTRIES_MAX = 10_000;
export const LOGBOOK_FINISHED_MAX = 1_000;
export const LOGBOOK_FINISHED_AGE_MS_MAX = 30 * 24 * 3_600_000;
export const LOGBOOK_TEMPORARY_AGE_MS_MAX = 3_600_000;
export const START_AGE_MS_MAX = 3_600_000;
export const RECONNECT_DELAY_MS_MIN = 200;
export const RECONNECT_DELAY_MS_MAX = 5_000;
export const SOURCE_BYTES_MAX = 1024 * 1024;
export const WORKFLOW_FILE_BYTES_MAX = 1024 * 1024;
export const RESPONSE_BYTES_MAX = 64 * 1024 * 1024;
export const CLIENT_PAGE_SIZE = 500;
export const PROBLEMS_SHOWN_MAX = 5;
export const FILE_FAULTS_SHOWN_MAX = 50;

// Actions
export const FILE_BYTES_MAX = 8 * 1024 * 1024;
export const DIFF_INPUT_BYTES_MAX = 128 * 1024;
export const DIFF_LENGTH_MAX = 16 * 1024;
export const DIFF_EDITS_MAX = 500;
export const COMMAND_ARGV_MAX = 1_024;
export const HTTP_BODY_BYTES_MAX = 256 * 1024;
export const HTTP_REDIRECTS_MAX = 5;
export const REMOTE_ID_LENGTH_MAX = 1_024;
export const SECRET_BYTES_MAX = 64 * 1024;
export const OWN_ACTIONS_MAX = 512;
export const OWN_ACTION_BYTES_MAX = 256 * 1024;

// The engine
export const TURN_EVENTS_MAX = 512;
export const TURN_COMMANDS_MAX = 1_024;
export const TURNS_IN_FLIGHT_MAX = 2;
export const OPEN_WORKFLOWS_MAX = 20_000;
export const ENDED_WORKFLOWS_CACHED_MAX = 16;
export const WATCH_EVENTS_MAX = 512;
export const PAGE_SIZE_DEFAULT = 100;
export const PAGE_ROWS_EXAMINED_MAX = 2_000;
export const ATTEMPT_WATCHDOG_GRACE_MS = 20_000;
export const ATTEMPT_SETTLE_MS_MIN = 60_000;
export const ATTEMPT_TIMEOUT_MS_MAX = 30 * 24 * 3_600_000;

// Journal
export const JOURNAL_BATCH_ENTRIES_MAX = 4_096;
export const JOURNAL_BATCH_BYTES_MAX = 4 * 1024 * 1024;
export const JOURNAL_FRAME_BYTES_MAX = 256 * 1024;
export const JOURNAL_PENDING_ENTRIES_MAX = 262_144;
export const JOURNAL_PENDING_BYTES_MAX = 1024 * 1024 * 1024;
export const JOURNAL_READ_ROWS = 256;
export const JOURNAL_READ_BYTES = 256 * 1024;
export const JOURNAL_DAMAGE_MAX = 1_000;
export const JOURNAL_OPEN_HEADERS_MAX = 10_000;
export const JOURNAL_OPEN_HEADER_BYTES_MAX = 16 * 1024 * 1024;
export const JOURNAL_LOST_RANGES_MAX = 1_000;
export const JOURNAL_LIST_MAX = 1_000;

// Transport
export const TASK_KEY_LENGTH_MAX = 200;
export const COMMAND_ORDERS_BYTES_MAX = 1024 * 1024;
export const COMMAND_STDIN_BYTES_MAX = 64 * 1024 * 1024;
export const SHIM_GREETING_BYTES_MAX = 64 * 1024;
export const SHIM_READY_MS_MAX = 30_000;
export const SHIM_ANSWER_MARGIN_MS = 15_000;
export const SHIM_FENCES_MAX = 4;
export const CONNECTION_MESSAGE_BYTES_MAX = 16 * 1024;
export const RUN_DIRECTORY_AGE_S_MAX = 7 * 24 * 3_600;
export const RUN_DIRECTORIES_SWEPT_MAX = 100_000;
export const RUN_SWEEP_PERIOD_MS = 3_600_000;
export const LOCAL_COMMANDS_MAX = 256;
export const SSH_SESSIONS_PER_HOST_MAX = 8;
export const SSH_CONTROL_SESSIONS_PER_HOST_MAX = 2;
export const SSH_MASTERS_STARTING_MAX = 16;
export const SSH_MASTERS_MAX = 512;
export const SSH_CONTROL_PATH_LENGTH_MAX = 84;
export const RECONNECT_BACKOFF_MS_MIN = 500;
export const RECONNECT_BACKOFF_MS_MAX = 15_000;
export const CANCEL_REACH_MS_MAX = 60_000;

// Pace
export const PACE_ORIGINS_MAX = 4_096;

// The API: connections, calls in flight, streams; what is beyond waits for nobody
export const API_CONNECTIONS_MAX = 1_024;
export const API_CALLS_MAX = 64;
export const API_STREAMS_MAX = 1_024;
export const API_PUBLIC_CALLS_MAX = 32;
export const API_PUBLIC_STREAMS_MAX = 32;
export const API_HEADER_BYTES_MAX = 16 * 1024;
export const API_PREFACE_MS_MAX = 10_000;
export const API_HEADERS_MS_MAX = 15_000;
export const API_REQUEST_MS_MAX = 120_000;
export const API_IDLE_MS_MAX = 60_000;
export const API_RESPONSE_BYTES_MAX = 64 * 1024 * 1024;
export const API_HTTP2_STREAMS_MAX = 256;
export const API_HEADER_PAIRS_MAX = 128;
export const API_SESSION_MEMORY_MIB_MAX = 64;
export const API_ERROR_PLACES_MAX = 1_000;
export const API_SHUTDOWN_MS_MAX = 5_000;
export const REFLECTION_SYMBOL_LENGTH_MAX = 512;
export const DUMP_LINES_MAX = 512;
export const DUMP_BYTES_MAX = 1024 * 1024;

// Inventories
export const INVENTORY_FILES_MAX = 64;
export const INVENTORY_BYTES_MAX = 64 * 1024 * 1024;
export const INVENTORY_POLL_MS = 5_000;
export const INVENTORY_RUN_MS_MAX = 60_000;
export const INVENTORY_RUN_INTERVAL_MS = 60_000;
export const INVENTORY_FAULTS_MAX = 100;
export const INVENTORY_SLICE_LENGTH = 64 * 1024;
export const YAML_SLICED_LENGTH_MIN = 256 * 1024;
export const INVENTORY_GROUPS_MAX = 10_000;
export const LABELS_MAX = 64;
export const LABEL_NAME_LENGTH_MAX = 128;
export const LABEL_VALUE_LENGTH_MAX = 1_024;
export const TARGET_NAME_LENGTH_MAX = 253;

// The daemon
export const DAEMON_SHUTDOWN_MS_MAX = 20_000;
