// All mutants, in the order of the table.

import { AGAIN_MUTANTS } from "./again-mutants.ts";
import { TOKEN_MUTANTS } from "./token-mutants.ts";
import { DOOR_MUTANTS } from "./door-mutants.ts";
import { DOUBT_MUTANTS } from "./doubt-mutants.ts";
import { ENDLESS_MUTANTS } from "./endless-mutants.ts";
import { ENGINE_MUTANTS } from "./engine-mutants.ts";
import { FAR_MUTANTS } from "./far-mutants.ts";
import { FROZEN_MUTANTS } from "./frozen-mutants.ts";
import { GUARD_MUTANTS } from "./guard-mutants.ts";
import { JOURNAL_MUTANTS } from "./journal-mutants.ts";
import { LIST_MUTANTS } from "./list-mutants.ts";
import { POLICY_MUTANTS } from "./policy-mutants.ts";
import { ROLLOUT_MUTANTS } from "./rollout-mutants.ts";
import { SHARED_MUTANTS } from "./shared-mutants.ts";
import { SINK_MUTANTS } from "./sink-mutants.ts";
import { STOP_MUTANTS } from "./stop-mutants.ts";
import { WORKFLOW_MUTANTS } from "./workflow-mutants.ts";
import type { Mutant } from "./mutant.ts";

/** The list that `npm run mutants` goes through. */
export const MUTANTS: readonly Mutant[] = [
  ...JOURNAL_MUTANTS,
  ...ENGINE_MUTANTS,
  ...DOUBT_MUTANTS,
  ...STOP_MUTANTS,
  ...FROZEN_MUTANTS,
  ...ROLLOUT_MUTANTS,
  ...WORKFLOW_MUTANTS,
  ...AGAIN_MUTANTS,
  ...TOKEN_MUTANTS,
  ...LIST_MUTANTS,
  ...ENDLESS_MUTANTS,
  ...GUARD_MUTANTS,
  ...SHARED_MUTANTS,
  ...POLICY_MUTANTS,
  ...DOOR_MUTANTS,
  ...FAR_MUTANTS,
  ...SINK_MUTANTS,
];
