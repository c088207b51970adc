// Work for real hosts, drawn from a seed: a workflow file whose every change is noted by the host itself, and how many targets it has.
// 1. An action's name says what it promises: once and fix are unsafe, mark is idempotent, conf writes a file, scan only reads.
// 2. The line "done" in a host's log is the change: one append, whole or not at all. What looks for it looks for this line.

import { assertNever } from "../../../internal/base/assert.ts";
import type { Chance } from "../../sim/chance.ts";

/** A file that a host gets, beside its log. */
export const CHANGES_FILE = "changes.log";

/** What changes a host: it notes that it begins, how it ends, and for which task. */
export const STEP = `#!/bin/sh
# step.sh EFFECTS STAGE ACTION SECONDS FAILS STALLS: the first FAILS attempts fail before they change anything, the first STALLS are far too slow.
effects=$1 stage=$2 action=$3 seconds=$4 fails=$5 stalls=$6
note() { printf '%s\\n' "$1 $effects $HOLDFAST_WORKFLOW_ID $stage $action $HOLDFAST_ATTEMPT" >>${CHANGES_FILE}; }
trap 'note stopped; exit 143' TERM
note begun
if [ "$HOLDFAST_ATTEMPT" -le "$stalls" ]; then sleep 20; fi
if [ "$seconds" != 0 ]; then sleep "$seconds"; fi
if [ "$HOLDFAST_ATTEMPT" -le "$fails" ]; then note failed; exit 1; fi
note done
`;

const ARGS = `args:
  stage: { type: string, required: true }
  action: { type: string, required: true }
  seconds: { type: string, default: "0" }
  fails: { type: string, default: "0" }
  stalls: { type: string, default: "0" }
`;
const apply = (effects: string): string =>
  `apply: { argv: [sh, ../../step.sh, ${effects}, "\${{ args.stage }}", "\${{ args.action }}", "\${{ args.seconds }}", "\${{ args.fails }}", "\${{ args.stalls }}"] }\n`;

/** Actions without code, by file name: one that looks for its own line, and one that cannot look. */
export const OWN_ACTIONS: Readonly<Record<string, string>> = {
  "mark.yaml": `name: mark@1\ndescription: Notes a line once.\neffects: idempotent\n${ARGS}check:
  argv: [sh, -c, 'grep -q "^done idempotent $HOLDFAST_WORKFLOW_ID $1 $2 " ${CHANGES_FILE} 2>/dev/null || exit 1', sh, "\${{ args.stage }}", "\${{ args.action }}"]
${apply("idempotent")}`,
  "once.yaml": `name: once@1\ndescription: Notes a line, and cannot tell whether it has.\neffects: unsafe\n${ARGS}${apply("unsafe")}`,
};

/** One workflow to run. */
export interface Work {
  readonly name: string;
  readonly text: string;
}

/** The actions of one stage; a fix needs the scan before it. */
const KINDS = ["once", "mark", "scan-and-fix", "conf", "flaky-mark", "flaky-once", "stalled-mark"] as const;
type Kind = (typeof KINDS)[number];

/** Draws a workflow. What stalls takes seconds, and is rare. */
export function drawWork(chance: Chance, name: string): Work {
  const stages = Array.from({ length: chance.int(1, 2) }, (_, index) => drawStage(chance, `s${index}`));
  const that = stages.map(({ stage }) => `stage('${stage}').failed == 0`).join(" && ");
  const report = `  - name: report\n    actions: [{ name: enough, uses: assert, with: { that: "${that}" } }]\n`;
  return { name, text: `name: ${name}\ntargets: { where: "true" }\nstages:\n${stages.map(({ text }) => text).join("")}${report}` };
}

function drawStage(chance: Chance, stage: string): { readonly stage: string; readonly text: string } {
  const actions = Array.from({ length: chance.int(1, 3) }, (_, index) => {
    const kind = chance.hit(0.03) ? "stalled-mark" : (chance.pick(KINDS.slice(0, -1)) ?? "once");
    return actionText(chance, { kind, stage, index });
  });
  const lock = chance.hit(0.2) ? `    lock: "rack \${{ target.labels.rack }}"\n` : "";
  const text = `  - name: ${stage}\n    over: targets\n${lock}    rollout: ${drawRollout(chance)}\n    actions:\n${actions.join("")}`;
  return { stage, text };
}

function drawRollout(chance: Chance): string {
  const terms = [`parallel: ${chance.int(1, 4)}`];
  if (chance.hit(0.4)) terms.push("waves: [1, 100%]");
  if (chance.hit(0.2)) terms.push("pause: 300ms");
  if (chance.hit(0.2)) terms.push("rate: 10/s");
  if (chance.hit(0.3)) terms.push(`max_at_risk: ${chance.int(2, 3)}`);
  return `{ ${terms.join(", ")} }`;
}

function actionText(chance: Chance, at: { readonly kind: Kind; readonly stage: string; readonly index: number }): string {
  const { kind, stage, index } = at;
  const seconds = chance.pick(["0", "0", "0.05", "0.2", "0.5"]) ?? "0";
  const retry = "retry: { attempts: 8, delay: 100ms }";
  const own = (uses: "once" | "mark", more: string): string =>
    `{ uses: ${uses}@1, name: ${uses}${index}, with: { stage: ${stage}, action: ${uses}${index}, seconds: "${seconds}"${more} }`;
  switch (kind) {
    case "once":
      return `      - ${own("once", "")} }\n`;
    case "mark":
      return `      - ${own("mark", "")} }\n`;
    case "flaky-once":
      return `      - ${own("once", ', fails: "1"')}, ${retry} }\n`;
    case "flaky-mark":
      return `      - ${own("mark", ', fails: "2"')}, ${retry} }\n`;
    case "stalled-mark":
      return `      - ${own("mark", ', stalls: "1"')}, timeout: 3s, ${retry} }\n`;
    case "conf":
      return `      - { name: conf${index}, uses: file, with: { path: "\${{ workflow.id }}-${stage}-conf${index}", content: "\${{ target.name }}\\n" } }\n`;
    case "scan-and-fix": {
      const look = `grep -q "^done unsafe $HOLDFAST_WORKFLOW_ID ${stage} fix${index} " ${CHANGES_FILE} 2>/dev/null`;
      const scan = `if ${look}; then echo "{\\"issues\\":0}"; else echo "{\\"issues\\":1}"; fi`;
      const fix = `argv: [sh, ../../step.sh, unsafe, ${stage}, fix${index}, "${seconds}", "0", "0"]`;
      return (
        `      - { name: scan${index}, uses: command, with: { shell: ${JSON.stringify(scan)}, output: json, effects: none } }\n` +
        `      - { name: fix${index}, when: scan${index}.output.issues > 0, uses: command, with: { ${fix} } }\n`
      );
    }
    default:
      return assertNever(kind);
  }
}

/** Limits over all that runs, or none. */
export function drawPolicy(chance: Chance): string | undefined {
  if (!chance.hit(0.5)) return undefined;
  const limits = [`  - { name: some-at-a-time, match: 'true', key: '"all"', concurrency: ${chance.int(2, 5)} }`];
  if (chance.hit(0.4))
    limits.push(
      `  - { name: paced, match: has(target.labels.rack), key: target.labels.rack, tokens: 20, period: 1s, burst: ${chance.int(1, 3)} }`,
    );
  return `name: limits\nmatch: 'true'\nlimits:\n${limits.join("\n")}\n`;
}
