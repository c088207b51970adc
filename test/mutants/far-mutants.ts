// Bugs at the far ends: the client's handshake and logbook, and the shim on a host.

import type { Mutant } from "./mutant.ts";

/** The list. */
export const FAR_MUTANTS: readonly Mutant[] = [
  {
    name: "heard-and-not-noted",
    bug: "a sign of life does not begin the heartbeat anew: what prints is ended",
    breaks: "rule: heartbeats",
    patches: [
      { file: "internal/transport/shim.ts", find: "hf_was=$hf_heard hf_quiet=0", replace: "hf_was=$hf_heard hf_quiet=$((hf_quiet + 1))" },
    ],
    caughtBy: {
      file: "internal/transport/shim.test.ts",
      name: "heartbeats under dash > what prints within its heartbeat goes on, however much it has printed, on whichever stream",
    },
  },
  {
    name: "deaf-beyond-the-bound",
    bug: "only what is kept of the output counts as a sign of life",
    breaks: "rule: heartbeats",
    patches: [{ file: "internal/transport/shim-streams.ts", find: 'hf_heard="$hf_heard $hf_x"; fi', replace: "hf_heard=$hf_heard; fi" }],
    caughtBy: {
      file: "internal/transport/shim.test.ts",
      name: "heartbeats under dash > what prints within its heartbeat goes on, however much it has printed, on whichever stream",
    },
  },
  {
    name: "rebooted-and-never-begun",
    bug: "a command that was lost with the power of its target counts as never begun, and is done again",
    breaks: "H2",
    patches: [
      {
        file: "internal/transport/runs.ts",
        find: 'if (lost.boot === "" || found.boot !== lost.boot)',
        replace: "if (lost.boot !== lost.boot)",
      },
    ],
    caughtBy: {
      file: "internal/transport/runs.test.ts",
      name: "nobody can say whether a run that was lost had begun: the machine was started anew",
    },
  },
  {
    name: "heartbeat-of-a-check",
    bug: "a check, which may be silent, has to give signs of life",
    breaks: "rule: heartbeats",
    patches: [
      {
        file: "internal/engine/attempt-prepare.ts",
        find: "context: () => context(() => true, Infinity),",
        replace: "context: () => context(() => true, place.action.heartbeatMs),",
      },
    ],
    caughtBy: {
      file: "internal/engine/attempts.test.ts",
      name: "only the work has to give signs of life, not the looks before and after it; nor an alternative that has a heartbeat of its own",
    },
  },
  {
    name: "submit-before-the-logbook",
    bug: "Submit is sent before the request is in the logbook",
    breaks: "rule: handshake",
    patches: [
      { file: "internal/sdk/handshake.ts", find: "  const entry = await logbook.save(fresh);\n", replace: "  const entry = fresh;\n" },
    ],
    caughtBy: { file: "internal/sdk/handshake.test.ts", name: "the request is on disk before Submit is sent, and the ID before Exec" },
  },
  {
    name: "exec-before-the-logbook",
    bug: "Exec is sent before the ID is in the logbook",
    breaks: "rule: handshake",
    patches: [
      {
        file: "internal/sdk/handshake.ts",
        find: "return { entry: await logbook.save({ ...entry, id: answer.id, digest: answer.digest }), answer };",
        replace: "return { entry: { ...entry, id: answer.id, digest: answer.digest }, answer };",
      },
    ],
    caughtBy: { file: "internal/sdk/handshake.test.ts", name: "the request is on disk before Submit is sent, and the ID before Exec" },
  },
  {
    name: "other-request-id-after-a-crash",
    bug: "a handshake is finished under another request ID",
    breaks: "rule: handshake",
    patches: [
      {
        file: "internal/sdk/handshake.ts",
        find: "submitEntry(ports, entry, requestOf(entry), { isFirstTry: false })",
        replace:
          'submitEntry(ports, entry, { ...requestOf(entry), requestId: entry.requestId.replace(/^./, (digit) => (digit === "0" ? "1" : "0")) }, { isFirstTry: false })',
      },
    ],
    caughtBy: {
      file: "internal/sdk/handshake.test.ts",
      name: "a request that never arrived is sent by the next process under the same request ID",
    },
  },
  {
    name: "logbook-not-synced",
    bug: "an entry of the logbook is not synced before it is put in place",
    breaks: "rule: handshake",
    patches: [{ file: "internal/sdk/logbook-files.ts", find: "      await file.sync();\n", replace: "" }],
    caughtBy: {
      file: "internal/sdk/handshake.test.ts",
      name: "a file of the logbook is synced before it is closed, and so before its name is put in place",
    },
  },
  {
    name: "logbook-name-not-synced",
    bug: "the name of an entry is not synced",
    breaks: "rule: handshake",
    patches: [
      {
        file: "internal/sdk/logbook.ts",
        find: "    await this.#files.rename(temporary, path);\n    await this.#files.syncDirectory(this.directory);",
        replace: "    await this.#files.rename(temporary, path);",
      },
    ],
    caughtBy: { file: "internal/sdk/handshake.test.ts", name: "the request is on disk before Submit is sent, and the ID before Exec" },
  },
  {
    name: "stale-request-is-sent",
    bug: "an old request that never reached the service is sent",
    breaks: "rule: handshake",
    patches: [
      {
        file: "internal/sdk/handshake.ts",
        find: "if (ageMs > START_AGE_MS_MAX && !service.isForced) return",
        replace: "if (ageMs < 0 && !service.isForced) return",
      },
    ],
    caughtBy: {
      file: "internal/sdk/handshake.test.ts",
      name: "a request that never arrived and is old, or was meant for another service, is not sent unless somebody says so",
    },
  },
  {
    name: "shim-trusts-without-the-lock",
    bug: "a run is looked at without waiting for its lock",
    breaks: "rule: shim",
    patches: [
      {
        file: "internal/transport/shim.ts",
        find: "hf_look() {\n  hf_lock wait || { hf_say held; return; }\n",
        replace: 'hf_look() {\n  cd "$hf_dir" || { hf_say held; return; }\n',
      },
    ],
    caughtBy: {
      file: "test/contract/transport-local.test.ts",
      name: "transport over local > look ends a run that goes on past the timeout",
    },
  },
  {
    name: "shim-takes-a-torn-status",
    bug: "a status that was cut short counts",
    breaks: "rule: shim",
    patches: [
      {
        file: "internal/transport/shim-base.ts",
        find: '  [ -f "$hf_n.status" ] && read -r hf_kind hf_code hf_l1 hf_l2 hf_end <"$hf_n.status" && [ "$hf_end" = . ]\n',
        replace: '  [ -f "$hf_n.status" ] && { read -r hf_kind hf_code hf_l1 hf_l2 hf_end <"$hf_n.status" || [ "$hf_l2" ]; }\n',
      },
    ],
    caughtBy: { file: "internal/transport/shim.test.ts", name: 'under bash as sh > a status torn to "exited 0 0 0" is none' },
  },
  {
    name: "shim-passes-its-fence",
    bug: "a run that was called absent starts later",
    breaks: "rule: shim",
    patches: [
      {
        file: "internal/transport/shim.ts",
        find: 'if [ "$hf_v" -gt "$hf_fence" ]; then hf_say voided',
        replace: 'if [ "$hf_v" -gt 99 ]; then hf_say voided',
      },
    ],
    caughtBy: {
      file: "internal/transport/shim.test.ts",
      name: "under bash as sh > what look called absent starts only with the fence that look raised",
    },
  },
  {
    name: "shim-runs-twice",
    bug: "a run that has a status is run again",
    breaks: "rule: shim",
    patches: [
      {
        file: "internal/transport/shim.ts",
        find: "  hf_lock wait || { hf_say held; return; }\n  if hf_settled; then hf_reply_kept; return; fi\n",
        replace: "  hf_lock wait || { hf_say held; return; }\n",
      },
      {
        file: "internal/transport/shim.ts",
        find: '[ "$hf_b" -ge "$hf_fence" ]; then hf_say died',
        replace: '[ "$hf_b" -gt 99 ]; then hf_say died',
      },
    ],
    caughtBy: {
      file: "test/contract/transport-local.test.ts",
      name: "transport over local > the same run twice, at once and later, runs once",
    },
  },
  {
    name: "hand-forgets-to-sync",
    bug: "a status gets its name before it is on disk",
    breaks: "rule: shim",
    patches: [
      {
        file: "internal/transport/shim-hand.ts",
        find: "  for my $to ($file, map { $_->{to} // () } values %{$run->{streams}}) { IO::Handle::sync($to) or return 0 }\n",
        replace: "",
      },
    ],
    caughtBy: {
      file: "internal/transport/shim-hand.test.ts",
      name: "the hand of a session under dash > syncs a status and its output before the status has its name",
    },
  },
  {
    name: "hand-deaf-in-the-background",
    bug: "what goes on in the background after its command dies of its next word",
    breaks: "rule: shim",
    patches: [{ file: "internal/transport/shim.ts", find: "hf_late=x hf_hand=; fi", replace: "hf_late=x; fi" }],
    caughtBy: {
      file: "internal/transport/shim-hand.test.ts",
      name: "the hand of a session under dash > hears on what prints in the background after the answer, and ends with it",
    },
  },
  {
    name: "hand-lets-go-of-the-time",
    bug: "a command whose shim was killed has no timeout any more",
    breaks: "rule: shim",
    patches: [
      {
        file: "internal/transport/shim-hand.ts",
        find: "exit if getppid() != $main && !($run && (defined $run->{next} || grep { $_->{pipe} } values %{$run->{streams}}));",
        replace: "exit if getppid() != $main;",
      },
    ],
    caughtBy: {
      file: "internal/transport/shim-hand.test.ts",
      name: "the hand of a session under dash > keeps the time of a command whose shim was killed, and then ends",
    },
  },
];
