// Every bound of Holdfast, by name, on one page (H10). Beyond a bound the answer is RESOURCE_EXHAUSTED or INVALID_ARGUMENT, never a crash.
// The most significant word comes first, the unit last. A bound that an operator may change says so.

// Workflow definitions
export const STAGES_MAX = 64;
export const ACTIONS_PER_STAGE_MAX = 64;
export const ALTERNATIVES_MAX = 16;
export const PARAMS_MAX = 128;
export const TARGETS_MAX = 200_000;
export const TASKS_PER_WORKFLOW_MAX = 2_000_000;
export const WAVES_MAX = 64;
export const ATTEMPTS_MAX = 100;
/** Attempts of a task in a generation, over all iterations and rounds: past it the task is refused. */
export const ATTEMPT_NUMBER_MAX = 65_535;
export const BACKOFF_MS_MAX = 24 * 3_600_000;
/** Of one `repeat`: with ATTEMPTS_MAX attempts each they stay below ATTEMPT_NUMBER_MAX. */
export const ITERATIONS_MAX = 500;
export const PARALLEL_MAX = 4_096;
export const RATE_TOKENS_MAX = 1_000_000;
export const REQUEST_BYTES_MAX = 16 * 1024 * 1024;
/** Definitions that were found without fault, kept for the next Submit of the same; a longer one is checked each time. */
export const DEFINITIONS_KEPT_MAX = 64;
export const DEFINITION_KEPT_LENGTH_MAX = 64 * 1024;

// Expressions
export const EXPR_LENGTH_MAX = 4_096;
/** Characters of all expressions of one submission: compiling one takes 2 to 10 µs. */
export const WORKFLOW_EXPRESSIONS_LENGTH_MAX = 64 * 1024;
export const EXPR_DEPTH_MAX = 100;
export const EXPR_TREE_DEPTH_MAX = 500;
/** Compiled arguments that are CEL, such as assert's `that`, kept for the next task with the same text. */
export const CEL_PROGRAMS_KEPT_MAX = 64;
/** Steps of one expression, or of all expressions of a gate, on the event loop: a step takes 25 to 250 ns. */
export const EXPR_COST_LOOP_MAX = 100_000;
/** Steps of choosing targets, over the whole inventory. */
export const SELECT_COST_MAX = 20_000_000;
export const EXPR_VALUE_DEPTH_MAX = 200;
export const EXPR_SNIPPET_LENGTH_MAX = 120;
export const TEMPLATE_EXPRESSIONS_MAX = 500;
export const TEMPLATE_SOURCE_LENGTH_MAX = 32 * 1024;
export const TEMPLATE_DEPTH_MAX = 64;
export const TEMPLATE_TEXT_LENGTH_MAX = 4 * 1024 * 1024;

// JSON and YAML
export const JSON_DEPTH_MAX = 512;
export const YAML_DEPTH_MAX = 64;
export const YAML_ALIASES_MAX = 1_000;
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
export const FREEZE_POLL_MS = 1_000;
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
/** Up to so many new events are read and put into one answer for all watchers that wait for them; it is kept until the workflow moves on. */
export const WATCH_SHARED_EVENTS_MAX = 64;
export const PAGE_SIZE_DEFAULT = 100;
/** Rows that one page asks a filter about: of tasks, and of workflows, each of which is read from the disk. */
export const PAGE_ROWS_EXAMINED_MAX = 2_000;
export const PAGE_WORKFLOWS_EXAMINED_MAX = 400;
export const ATTEMPT_WATCHDOG_GRACE_MS = 20_000;
export const HEARTBEAT_MS_MIN = 1_000;
/** How often within a heartbeat a command is looked at. */
export const HEARTBEAT_LOOKS = 3;
export const HEARTBEAT_MS_MAX = 24 * 3_600_000;
export const ATTEMPT_SETTLE_MS_MIN = 60_000;
export const AWAIT_MS_MAX = 100 * 365.25 * 24 * 3_600_000;
export const SIGNAL_BYTES_MAX = 64 * 1024;
export const SIGNALS_QUEUED_MAX = 1_000;
export const SIGNALS_QUEUED_BYTES_MAX = 1024 * 1024;
export const SIGNAL_KEYS_MAX = 10_000;
export const LIST_ITEMS_MAX = 10_000;
export const LIST_BYTES_MAX = 128 * 1024;
/** Of completions that came before their attempts' own work had ended, as JSON, in one workflow; and how many it remembers of all. */
export const COMPLETIONS_EARLY_BYTES_MAX = 4 * 1024 * 1024;
export const COMPLETIONS_REMEMBERED_MAX = 10_000;
export const VARS_BYTES_MAX = 64 * 1024;

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
export const BACKUP_CHUNK_BYTES = 256 * 1024;
/** One block of a backup, which a reader holds: the rows of one reading, of which the last may be a large one. */
export const BACKUP_BLOCK_BYTES_MAX = 512 * 1024 * 1024;
/** A backup whose reader has taken nothing for so long gives way to the next one. */
export const BACKUP_STILL_MS_MAX = 60_000;
export const RESTORE_BATCH_BYTES = 4 * 1024 * 1024;
export const RESTORE_OPEN_LISTED_MAX = 1_000;

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
/** How long a session over ssh waits for its next command, and how many it serves. */
export const SSH_SESSION_IDLE_MS = 60_000;
export const SSH_SESSION_CALLS_MAX = 100;
export const SSH_MASTERS_STARTING_MAX = 16;
export const SSH_MASTERS_MAX = 512;
export const SSH_CONTROL_PATH_LENGTH_MAX = 84;
export const RECONNECT_BACKOFF_MS_MIN = 500;
export const RECONNECT_BACKOFF_MS_MAX = 15_000;
export const CANCEL_REACH_MS_MAX = 60_000;
export const PACE_ORIGINS_MAX = 4_096;

// The API: connections, calls in flight, streams. Calls wait for a place, fairly among principals; streams and what is beyond the queue do not
export const API_CONNECTIONS_MAX = 4_096;
export const API_CALLS_MAX = 64;
/** Of the places for calls, so many at most for one principal: the rest is for all others. */
export const API_CALLS_OF_PRINCIPAL_MAX = 48;
export const API_CALLS_QUEUED_MAX = 8_192;
export const API_STREAMS_MAX = 16_384;
export const API_RETRY_AFTER_S = 1;
export const API_PUBLIC_CALLS_MAX = 32;
export const API_PUBLIC_STREAMS_MAX = 32;
/** How long the body of a call without a principal (a completion, too) may be on its way, once there is room for the call. */
export const API_PUBLIC_BODY_MS_MAX = 5_000;
/** Of those who complete what attempts handed out: all of them together, and of one address that share of both at most. */
export const API_COMPLETION_CALLS_MAX = 32;
export const API_COMPLETION_CALLS_QUEUED_MAX = 1_024;
export const API_COMPLETION_SHARE_OF_ADDRESS_MAX = 0.75;
export const COMPLETION_REQUEST_BYTES_MAX = 256 * 1024;
export const API_HEADER_BYTES_MAX = 16 * 1024;
export const API_PREFACE_MS_MAX = 10_000;
export const API_HEADERS_MS_MAX = 15_000;
export const API_REQUEST_MS_MAX = 120_000;
export const API_IDLE_MS_MAX = 60_000;
export const API_RESPONSE_BYTES_MAX = 64 * 1024 * 1024;
/** Smaller messages are sent as they are: to compress a page of a list takes longer than to send it over any but a slow line. */
export const API_COMPRESSED_BYTES_MIN = 64 * 1024;
export const API_HTTP2_STREAMS_MAX = 256;
export const API_HEADER_PAIRS_MAX = 128;
export const API_SESSION_MEMORY_MIB_MAX = 64;
export const API_ERROR_PLACES_MAX = 1_000;
/** Message and places of an error, together and encoded, have to fit the 64 KiB of trailers that HTTP/2 libraries send at most. */
export const API_ERROR_MESSAGE_BYTES_MAX = 8 * 1024;
export const API_ERROR_PLACES_BYTES_MAX = 24 * 1024;
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

// The daemon. Its heap is collected when it has grown by so much of what was live
export const DAEMON_SHUTDOWN_MS_MAX = 20_000;
export const HEAP_GROWTH_PERCENT_MAX = 100;

// Who may do what
export const TOKENS_MAX = 1_000;
export const TOKEN_NAME_LENGTH_MAX = 64;
export const TOKEN_ROLES_MAX = 16;
export const TOKEN_NAMESPACES_MAX = 16;
export const TOKEN_LIFETIME_MS_MAX = 3_650 * 24 * 3_600_000;
export const TOKENS_BYTES_MAX = 4 * 1024 * 1024;
export const TOKENS_SWEEP_MS = 60_000;
export const TLS_FILE_BYTES_MAX = 1024 * 1024;
export const TLS_POLL_MS = 5_000;

// Policies, limits and freezes in the engine
/** Tasks that one turn asks policies and limits about; the rest follows in the next one. */
export const ADMISSIONS_PER_TURN_MAX = 512;
/** Steps of expressions that one turn asks about tasks: 25 ms at the most. */
export const ADMISSION_COST_PER_TURN_MAX = 50_000;
/** A task that a rule holds back is asked about again so much later. */
export const TASK_REJUDGE_MS = 1_000;
/** Tasks that one rule holds back and that are asked about again at a time. */
export const TASKS_REJUDGED_MAX = 512;
export const GATE_REJUDGE_MS_MIN = 1_000;
export const GATE_REJUDGE_MS_MAX = 60_000;
/** A verdict is about the moment at which it was asked for. Judging takes WORKER_QUESTION_MS_MAX at the most; a machine may sleep meanwhile. */
export const VERDICT_AGE_MS_MAX = 35_000;
export const SUBMIT_JUDGEMENTS_MAX = 5;
export const APPROVALS_MAX = 100;
/** The same word of the same person within this time is a repetition of a call. */
export const APPROVAL_REPEAT_MS = 60_000;
export const FREEZE_NAMES_SHOWN_MAX = 20;
export const PROOF_NAMES_MAX = 1_000;
export const GUARD_ROWS_LISTED_MAX = 1_000;

// The guard
/** How far the wall clock may be from where it is thought to be before time is anchored anew. */
export const GUARD_WALL_DRIFT_MS_MAX = 1_000;
/** Workflows that are shown waiting for one lock or limit. */
export const GUARD_WAITING_SHOWN_MAX = 20;
/** States of limits that one event looks at, to drop those that say nothing any more. */
export const LIMIT_SWEEP_MAX = 256;
/** How long a start under a `spacing` is remembered at least: a version of the policy that asks for a greater one finds it. */
export const SPACED_START_KEPT_MS = 3_600_000;
export const LEDGER_RESERVE_TARGETS_MAX = 2_000;
export const LEDGER_EVENT_LENGTH_MAX = 512 * 1024;
export const FREEZES_MAX = 1_000;
export const RECORDED_POLICIES_MAX = 10_000;
export const LOCK_KEY_LENGTH_MAX = 1_024;

// Policies. An expression's budget on the event loop is EXPR_COST_LOOP_MAX; off it, it may cost more
export const POLICY_FILES_MAX = 256;
export const POLICY_FILE_BYTES_MAX = 256 * 1024;
export const POLICY_RULES_MAX = 64;
export const POLICY_LIMITS_MAX = 64;
export const POLICY_PARAMS_MAX = 128;
export const POLICY_TESTS_MAX = 256;
export const POLICY_VERSIONS_MAX = 100_000;
export const POLICY_POLL_MS = 2_000;
export const POLICY_FAULT_LENGTH_MAX = 8_192;
export const GATE_COST_LOOP_MAX = 200_000;
export const TASK_GATE_COST_MAX = 20_000;
export const EXPR_COST_WORKER_MAX = 10_000_000;
export const GATE_COST_WORKER_MAX = 100_000_000;
export const VERDICT_RULES_MAX = 64;
export const VERDICT_READS_MAX = 256;
export const VERDICT_MESSAGE_LENGTH_MAX = 1_024;
export const APPROVALS_NEEDED_MAX = 100;
export const LIMIT_CONCURRENCY_MAX = 1_000_000;
export const LIMIT_TOKENS_MAX = 1_000_000;
/** Policy, limit and the key's value together. */
export const LIMIT_KEY_LENGTH_MAX = 1_100;
export const EXPLAINED_ACTIONS_MAX = 64;
export const APPROVAL_DIFFS_MAX = 5;
export const APPROVAL_DIFF_LENGTH_MAX = 2_048;
export const APPROVAL_PLANS_EXAMINED_MAX = 1_000;
export const REPLAY_WORKFLOWS_MAX = 100_000;
export const STOP_FILE_POLL_MS = 1_000;
/** A workflow's targets are digested in slices of so much time each. */
export const DIGEST_SLICE_MS_MAX = 8;
export const DIGEST_SLICE_TARGETS = 64;
