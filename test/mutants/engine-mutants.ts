// Bugs of the engine: who is told when, and what runs without leave or twice.

import type { Mutant } from "./mutant.ts";

/** The list. */
export const ENGINE_MUTANTS: readonly Mutant[] = [
  {
    name: "definition-with-a-fault-kept",
    bug: "a definition that was refused once passes as checked",
    breaks: "H8",
    patches: [
      {
        file: "internal/engine/submission.ts",
        find: "return faults.isEmpty ? { definition, kinds } : undefined;",
        replace: "return { definition, kinds };",
      },
    ],
    caughtBy: { file: "internal/engine/submission.test.ts", name: "a definition with a fault is refused every time" },
  },
  {
    name: "reply-before-sync",
    bug: "a command is answered before its events are on disk",
    breaks: "H3",
    patches: [
      { file: "internal/engine/runtime.ts", find: "const answered = this.#lastAppend;", replace: "const answered = Promise.resolve();" },
    ],
    caughtBy: {
      file: "test/crash/every-append-memory.test.ts",
      name: "killed at any check of a host, between the deed and its record, it still does",
    },
  },
  {
    name: "refusal-before-sync",
    bug: "a refusal tells of a state that is not on disk",
    breaks: "H3",
    patches: [
      {
        file: "internal/engine/runtime.ts",
        find: "    // A refusal too tells of a state that must be on disk first (H3).\n",
        replace:
          "    for (const [index, mail] of mails.entries()) {\n      const refusal = turn.answers[index]?.refusal;\n      if (refusal !== undefined) mail.reject(refusal);\n    }\n",
      },
    ],
    caughtBy: { file: "internal/engine/disk-first.test.ts", name: "a refusal tells nothing of a command before that is on disk" },
  },
  {
    name: "submit-answers-before-sync",
    bug: "Submit answers before the workflow is on disk",
    breaks: "H3",
    patches: [{ file: "internal/engine/submitting.ts", find: "    await appended;\n", replace: "    void appended;\n" }],
    caughtBy: {
      file: "internal/engine/disk-first.test.ts",
      name: "Submit and Exec are answered when the workflow, and its start, are on disk",
    },
  },
  {
    name: "watcher-before-sync",
    bug: "a watcher is shown events that are not on disk",
    breaks: "H3",
    patches: [{ file: "internal/engine/watching.ts", find: "  await runtime?.durable();\n", replace: "" }],
    caughtBy: {
      file: "internal/engine/disk-first.test.ts",
      name: "a watcher of events tells nothing of a command before that is on disk",
    },
  },
  {
    name: "woken-watcher-before-sync",
    bug: "a watcher that one turn wakes is shown the next one before that is on disk",
    breaks: "H3",
    patches: [{ file: "internal/engine/watching.ts", find: "  await now.runtime?.durable();\n", replace: "" }],
    caughtBy: {
      file: "internal/engine/disk-first.test.ts",
      name: "a watcher that is woken by one turn is told nothing of the next one before that is on disk",
    },
  },
  {
    name: "status-before-sync",
    bug: "a status is shown before what it says is on disk",
    breaks: "H3",
    patches: [
      {
        file: "internal/engine/engine.ts",
        find: "      await runtime.durable();\n      return status;\n    }\n    const status = this.#corrupt",
        replace: "      return status;\n    }\n    const status = this.#corrupt",
      },
    ],
    caughtBy: { file: "internal/engine/disk-first.test.ts", name: "a status tells nothing of a command before that is on disk" },
  },
  {
    name: "shutdown-ends-what-runs",
    bug: "a shutdown ends what runs at the targets",
    breaks: "H11",
    patches: [
      {
        file: "internal/engine/runtime.ts",
        find: "    this.#isClosed = true;\n    this.#gatekeeper.close();",
        replace:
          "    this.#isClosed = true;\n    this.state.isCancelRequested = true;\n    this.#attempts.reconcile();\n    this.#gatekeeper.close();",
      },
    ],
    caughtBy: {
      file: "internal/engine/shutdown.test.ts",
      name: "a shutdown ends nothing at the targets: what runs goes on, and the next life finds how it ended",
    },
  },
  {
    name: "pause-over-on-the-way-to-disk",
    bug: "a pause that ends while the turn that began it is on its way to disk wakes nobody",
    breaks: "rule: pause",
    patches: [{ file: "internal/engine/runtime.ts", find: "lookedMs: this.#lookedMs", replace: "lookedMs: this.guardMs()" }],
    caughtBy: { file: "internal/engine/wave-pause.test.ts", name: "a pause that is over before its beginning is on disk holds nothing up" },
  },
  {
    name: "wait-untold-without-events",
    bug: "who waits is told nothing of a turn that made no event",
    breaks: "rule: WAITING",
    patches: [
      {
        file: "internal/engine/runtime.ts",
        find: "    this.#owner.wake(turn.wakened);\n    this.#tellListeners();",
        replace: "    this.#owner.wake(turn.wakened);",
      },
    ],
    caughtBy: {
      file: "internal/engine/task-gate.test.ts",
      name: "who waits hears that more tasks wait for an approval than one turn asks about",
    },
  },
  {
    name: "attempt-before-append",
    bug: "an attempt begins before the event that starts it is on disk",
    breaks: "H3",
    patches: [
      {
        file: "internal/engine/runtime.ts",
        find: "    const lastSeq = this.state.seq;\n    this.#turnsInFlight",
        replace:
          "    const lastSeq = this.state.seq;\n    this.#durableSeq = lastSeq;\n    this.#attempts.reconcile();\n    this.#turnsInFlight",
      },
    ],
    caughtBy: {
      file: "test/crash/every-append-memory.test.ts",
      name: "killed at any apply of a host, between the deed and its record, it still does",
    },
  },
  {
    name: "attempt-started-twice",
    bug: "an attempt that reported is forgotten before its end is on disk",
    breaks: "H2",
    patches: [
      {
        file: "internal/engine/attempts.ts",
        find: "    cancelWatchdog();\n",
        replace: "    cancelWatchdog();\n    this.#handles.delete(task);\n",
      },
    ],
    caughtBy: { file: "internal/engine/disk-first.test.ts", name: "an attempt whose report waits for its turn is not begun a second time" },
  },
  {
    name: "apply-without-leave",
    bug: "a change is made before ApplyStarted is on disk",
    breaks: "H2",
    patches: [
      {
        file: "internal/engine/attempt-run.ts",
        find: '  await host.post({ kind: "startApply", task, attempt, before });',
        replace: '  void host.post({ kind: "startApply", task, attempt, before });\n  await Promise.resolve();\n  await Promise.resolve();',
      },
    ],
    caughtBy: {
      file: "test/crash/every-append-memory.test.ts",
      name: "killed at any check of a host, between the deed and its record, it still does",
    },
  },
  {
    name: "apply-though-refused",
    bug: "a change is made although the turn gave no leave",
    breaks: "H2",
    patches: [
      {
        file: "internal/engine/attempt-run.ts",
        find: "  if (running?.attempt !== attempt || running.before === undefined) return undefined;\n",
        replace: "  if (running?.attempt === -1) return undefined;\n",
      },
    ],
    caughtBy: {
      file: "internal/engine/stage-locks.test.ts",
      name: "two targets of one workflow with one key are never both between their first change and their last action",
    },
  },
  {
    name: "exec-not-idempotent",
    bug: "an Exec that is repeated executes again",
    breaks: "H2",
    patches: [
      {
        file: "internal/workflow/decide.ts",
        find: 'return state.life.kind === "submitted" ? [caused(command.by, "workflowExecuted", {})] : [];',
        replace: 'return [caused(command.by, "workflowExecuted", {})];',
      },
    ],
    caughtBy: {
      file: "internal/workflow/decide.test.ts",
      name: "Exec starts a submitted workflow once; again it changes nothing, and another digest is refused",
    },
  },
  {
    name: "request-id-not-looked-up",
    bug: "a repeated Submit makes a second workflow",
    breaks: "H2",
    patches: [
      {
        file: "internal/engine/submitting.ts",
        find: "if (repeated !== undefined) return repeated;",
        replace: 'if (repeated?.id === "") return repeated;',
      },
      {
        file: "internal/engine/submitting.ts",
        find: "const isPending = !request.validateOnly &&",
        replace: "const isPending = request.validateOnly &&",
      },
    ],
    caughtBy: {
      file: "internal/engine/submit-exec.test.ts",
      name: "a repeated Submit is the same workflow, also after a restart, after its end, and when both come at once",
    },
  },
  {
    name: "expired-submit-runs",
    bug: "a workflow that was not executed in time is executed all the same",
    breaks: "rule: exec",
    patches: [
      {
        file: "internal/workflow/decide.ts",
        find: '(state.life.kind === "submitted" && facts.nowMs >= state.expiresAtMs)',
        replace: '(state.life.kind === "submitted" && facts.nowMs < 0)',
      },
    ],
    caughtBy: { file: "internal/workflow/decide.test.ts", name: "Exec is refused at the very moment at which the workflow expires" },
  },
];
