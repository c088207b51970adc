// What is durable of each workflow, in the few words that the keepers of the invariants need.

import type { JournalEntry } from "../../internal/engine/ports.ts";
import type { Event } from "../../internal/gen/holdfast/v1/event_pb.ts";

/** An attempt that is under way, by the durable events. */
interface DurableAttempt {
  readonly attempt: number;
  isApplying: boolean;
}

/** What is durable of one workflow. */
export interface DurableWorkflow {
  seq: number;
  hasEnded: boolean;
  /** How often an event of each kind happened, with its task or author: `taskResolved 3`, `approvalGiven by ann`. */
  readonly happened: Set<string>;
  readonly running: Map<number, DurableAttempt>;
}

/** All workflows. */
export class DurableFacts {
  readonly workflows = new Map<string, DurableWorkflow>();

  of(id: string): DurableWorkflow {
    const known = this.workflows.get(id);
    if (known !== undefined) return known;
    const fresh: DurableWorkflow = { seq: 0, hasEnded: false, happened: new Set(), running: new Map() };
    this.workflows.set(id, fresh);
    return fresh;
  }

  take({ id, firstSeq, events }: JournalEntry): void {
    if (id === undefined || events.length === 0) return;
    const facts = this.of(id);
    facts.seq = firstSeq + events.length - 1;
    for (const event of events) takeEvent(facts, event);
  }
}

function takeEvent(facts: DurableWorkflow, { kind, by }: Event): void {
  switch (kind.case) {
    case "attemptStarted":
      facts.running.set(kind.value.task, { attempt: kind.value.attempt, isApplying: false });
      return;
    case "applyStarted": {
      const running = facts.running.get(kind.value.task);
      if (running !== undefined) running.isApplying = true;
      return;
    }
    case "attemptEnded":
      facts.running.delete(kind.value.task);
      if (by !== "") facts.happened.add(`attemptEnded ${kind.value.task}`);
      return;
    case "taskResolved":
      facts.happened.add(`taskResolved ${kind.value.task}`);
      return;
    case "workflowEnded":
    case "workflowExpired":
      facts.hasEnded = true;
      facts.happened.add(kind.case);
      return;
    case "workflowRetried":
      facts.hasEnded = false;
      facts.happened.add(kind.case);
      return;
    case "continuedAsNew":
      facts.happened.add(kind.case);
      return;
    case "signalReceived":
      facts.happened.add(`signalReceived by ${kind.value.name}/${kind.value.key}`);
      return;
    case "completionReceived":
      facts.happened.add(`completionReceived ${kind.value.task} by ${kind.value.attempt}`);
      return;
    case "approvalGiven":
      facts.happened.add(`approvalGiven by ${by}`);
      return;
    case undefined:
      return;
    default:
      if (!("task" in kind.value)) facts.happened.add(kind.case);
  }
}
