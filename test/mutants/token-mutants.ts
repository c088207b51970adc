// Bugs of completion tokens: forged, early, late and repeated ones, and what a restart makes of them.

import type { Mutant } from "./mutant.ts";

const CORE = "internal/workflow/completion.test.ts";
const ENGINE = "internal/engine/completion.test.ts";

/** The list. */
export const TOKEN_MUTANTS: readonly Mutant[] = [
  {
    name: "token-without-its-seal",
    bug: "a token is read without looking whether this service made it",
    breaks: "rule: tokens",
    patches: [
      {
        file: "internal/engine/completion-token.ts",
        find: "timingSafeEqual(bytes.subarray(BODY_BYTES), macOf(seal, body)) &&",
        replace: "timingSafeEqual(bytes.subarray(BODY_BYTES), bytes.subarray(BODY_BYTES)) &&",
      },
    ],
    caughtBy: { file: ENGINE, name: "a token is of one attempt, the same in every life, and nobody makes one without the key" },
  },
  {
    name: "early-completion-forgotten",
    bug: "a completion that comes before the attempt's own work has ended is acknowledged and forgotten",
    breaks: "H1",
    patches: [{ file: "internal/workflow/completion-box.ts", find: "    this.#early.set(task, said);\n", replace: "" }],
    caughtBy: { file: CORE, name: "a completion that comes before its own work has ended is kept, and ends the attempt with it" },
  },
  {
    name: "completed-and-run-again",
    bug: "after a restart an attempt is run again though whoever had its token said that it is done",
    breaks: "H2",
    patches: [
      {
        file: "internal/engine/attempt-run.ts",
        find: "if (host.state.completions.early(at.task) !== undefined) return",
        replace: "if (host.state.completions.earlyBytes < 0) return",
      },
    ],
    caughtBy: {
      file: ENGINE,
      name: "an early completion outlives a kill before its own work has ended, and nothing is handed out again",
    },
  },
  {
    name: "completion-time-from-the-start",
    bug: "the time for a completion counts from the attempt's start, and not from the end of its own work",
    breaks: "rule: completion.within",
    patches: [
      {
        file: "internal/workflow/awaiting.ts",
        find: "nowMs + (completion?.withinMs ?? 0)",
        replace: "running.startedAtMs + (completion?.withinMs ?? 0)",
      },
    ],
    caughtBy: { file: CORE, name: "`within` counts from the end of its own work; total_timeout and schedule_timeout hold beside it" },
  },
  {
    name: "second-answer-taken",
    bug: "another answer than the first is acknowledged as if it had been taken",
    breaks: "rule: tokens",
    patches: [
      {
        file: "internal/workflow/completion.ts",
        find: "if (known !== undefined) throw otherAnswer(state, said, known);",
        replace: "if (known !== undefined) return undefined;",
      },
    ],
    caughtBy: { file: CORE, name: "the same answer again changes nothing, before and after the end; another one is refused" },
  },
  {
    name: "token-in-the-journal",
    bug: "the token of an attempt is kept with what its action was given",
    breaks: "rule: tokens",
    patches: [
      { file: "internal/engine/attempt-prepare.ts", find: "token === undefined ? [] : [token]", replace: "token === undefined ? [] : []" },
      {
        file: "internal/engine/masking.ts",
        find: "this.#hidesTokens = hidesTokens;",
        replace: "this.#hidesTokens = hidesTokens && false;",
      },
    ],
    caughtBy: {
      file: ENGINE,
      name: "whoever has the token completes the task; its data is the workflow's output, and the token is in nothing that is kept",
    },
  },
  {
    name: "in-doubt-and-failed",
    bug: "of an attempt of which nobody knows whether it was handed out nothing is heard, and it counts as not done",
    breaks: "H2",
    patches: [
      {
        file: "internal/workflow/awaiting.ts",
        find: "return done.outcome === AttemptOutcome.UNKNOWN || ",
        replace: "return ",
      },
    ],
    caughtBy: {
      file: CORE,
      name: "an attempt of which nobody knows whether it handed out its work awaits what is said of it; without a word it stays unknown",
    },
  },
  {
    name: "lost-key-made-anew",
    bug: "a key that is gone is made anew though attempts under way have handed out tokens that were made with it",
    breaks: "H8",
    patches: [
      {
        file: "internal/system/seal.ts",
        find: "if (found === undefined && handedOut.length > 0) throw",
        replace: "if (found === undefined && handedOut.length > 1_000) throw",
      },
    ],
    caughtBy: {
      file: "test/contract/seal.test.ts",
      name: "the key of a data directory > a key that is gone stops the start while somebody may hold what it sealed; nothing is made in its place, and with it all is as before",
    },
  },
  {
    name: "tokens-out-not-counted",
    bug: "an attempt that has handed out its token and awaits what is said by it does not keep a lost key from being made anew",
    breaks: "H8",
    patches: [
      {
        file: "internal/workflow/completion.ts",
        find: "action.completion !== undefined && completions.early(task) === undefined) return true;",
        replace: "action.completion !== undefined && completions.early(task) !== undefined) return true;",
      },
    ],
    caughtBy: {
      file: ENGINE,
      name: "where the key of tokens is gone the service does not start while one is handed out; with the key all is as before",
    },
  },
  {
    name: "slow-body-keeps-its-room",
    bug: "a call without a token may send its body as slowly as it likes, and keeps the room of others meanwhile",
    breaks: "H10",
    patches: [
      {
        file: "internal/api/call-gate.ts",
        find: "bodyWithin(limits.API_PUBLIC_BODY_MS_MAX)",
        replace: "bodyWithin(limits.API_REQUEST_MS_MAX)",
      },
    ],
    caughtBy: {
      file: "internal/api/completion.test.ts",
      name: "who sends his bodies byte by byte is told so in time, and the room is for others again",
    },
  },
  {
    name: "one-address-takes-the-room",
    bug: "all completions are of one caller, wherever they come from, and one address can take the room of all",
    breaks: "H10",
    patches: [
      {
        file: "internal/api/request-listener.ts",
        find: 'address: request.socket.remoteAddress ?? ""',
        replace: 'address: "127.0.0.1"',
      },
    ],
    caughtBy: {
      file: "internal/api/completion.test.ts",
      name: "who holds all of the room that one address has, and asks for more, leaves room for those at other addresses",
    },
  },
];
