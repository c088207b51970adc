// Every action that changes a target keeps the contract of actions.

import { ACTION_CASES } from "./action-cases.ts";
import { actionContract } from "./action-contract.ts";

for (const subject of ACTION_CASES) actionContract(subject);
