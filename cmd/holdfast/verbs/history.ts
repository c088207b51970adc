// history: what happened to a workflow, event by event, as the journal holds it.
// 1. It streams: the longest history takes no more memory than a page of it.

import type { Awaited, Event } from "../../../internal/gen/holdfast/v1/event_pb.ts";
import type { Verdict } from "../../../internal/gen/holdfast/v1/policy_pb.ts";
import { DecisionSchema, Gate, GateSchema } from "../../../internal/gen/holdfast/v1/policy_pb.ts";
import type { HistoryEvent } from "../../../internal/gen/holdfast/v1/status_pb.ts";
import { HistoryEventSchema } from "../../../internal/gen/holdfast/v1/status_pb.ts";
import { isJsonObject } from "../../../internal/base/json.ts";
import type { JsonObject, JsonValue } from "../../../internal/base/json.ts";
import { enumName, wireJson } from "../../../internal/sdk/wire-json.ts";
import type { Context } from "../context.ts";
import { EXIT_DONE } from "../exit-code.ts";
import type { Options } from "../options.ts";
import { flag, integerOption } from "../options.ts";
import { cut, plainJson } from "../plain-text.ts";
import { ruleText } from "../verdict-text.ts";
import { indented, taskName, timeText, valueText } from "../status-text.ts";

const FACT_COLUMNS_MAX = 200;
/** Positions and sums that say nothing to people: names are beside them. */
const HIDDEN: readonly string[] = ["task", "detailCrc", "attemptBase", "executedMs", "executedBy", "seq", "retries"];

/** history ID */
export async function history(context: Context, [id = ""]: readonly string[], options: Options): Promise<number> {
  const client = await context.client();
  const after = integerOption(options, "after", { min: 0, max: Number.MAX_SAFE_INTEGER }) ?? 0;
  const ask = { workflow: context.ref(id), afterSeq: BigInt(after), details: flag(options, "details") };
  let next: bigint | undefined;
  for await (const event of client.history(ask, context.world.interrupted)) {
    if (!context.out.stdout.isOpen()) break;
    if (next !== undefined && event.seq > next && !context.out.isJson) context.out.line(droppedText(next, event.seq - 1n));
    next = event.seq + 1n;
    if (context.out.isJson) context.out.json(eventJson(event));
    else for (const line of eventLines(event)) context.out.line(line);
    await context.out.stdout.drained();
  }
  return EXIT_DONE;
}

/** What is between two events that follow each other in the journal. */
function droppedText(first: bigint, last: bigint): string {
  const which = first === last ? `event ${first} is` : `events ${first} to ${last} are`;
  return `       … ${which} not kept: older generations (continue_as_new)`;
}

/** An event as scripts read it: `kind` names what happened, `event` holds its facts. */
function eventJson(event: HistoryEvent): JsonValue {
  const json = wireJson(HistoryEventSchema, event);
  if (!isJsonObject(json)) return json;
  return { ...json, kind: event.event?.kind.case ?? "unknown" };
}

function eventLines(event: HistoryEvent): readonly string[] {
  const kind = event.event?.kind.case ?? "unknown";
  const place = placeText(event);
  const by = event.event === undefined || event.event.by === "" ? "" : `by ${event.event.by}`;
  const head = [String(event.seq).padStart(5), timeText(event.at), kind, place, by, factsText(event, kind)]
    .filter((part) => part !== "")
    .join("  ");
  const { detail } = event;
  if (detail === undefined) return [head];
  return [
    head,
    ...(detail.input === undefined ? [] : indented("input", valueText(detail.input))),
    ...(detail.output === undefined ? [] : indented("output", valueText(detail.output))),
    ...(detail.exitStatus === undefined ? [] : indented("exit status", String(detail.exitStatus))),
    ...indented("printed", detail.outputTail),
    ...indented("diff", detail.diff),
  ];
}

/** Stage, or task, that it is about; a verdict on the workflow as a whole is about none. */
function placeText(event: HistoryEvent): string {
  const gate = gateOf(event);
  if (gate !== undefined && gate !== Gate.WAVE && gate !== Gate.EXPAND && gate !== Gate.TASK) return "";
  return event.action === "" || gate === Gate.WAVE ? event.stage : taskName(event);
}

function gateOf({ event }: HistoryEvent): Gate | undefined {
  return event?.kind.case === "verdictGiven" ? event.kind.value.verdict?.gate : undefined;
}

/** The event's own small facts, as name=value; of a submission only what fits on a line. */
function factsText(event: HistoryEvent, kind: string): string {
  const json = wireJson(HistoryEventSchema, event);
  const facts = isJsonObject(json) && isJsonObject(json["event"]) ? json["event"][kind] : undefined;
  if (!isJsonObject(facts)) return "";
  const more = policyFacts(event.event);
  const gate = gateOf(event);
  const hidden = event.stage === "" ? [...HIDDEN] : [...HIDDEN, "stage"];
  if (gate !== undefined && gate !== Gate.WAVE) hidden.push("wave");
  return cut([...shortFacts(facts, hidden), ...more].join(" "), FACT_COLUMNS_MAX);
}

/** What policies and people said, and what froze it: lists and messages inside the event. */
function policyFacts(event: Event | undefined): readonly string[] {
  const kind = event?.kind;
  switch (kind?.case) {
    case "verdictGiven":
      return verdictFacts(kind.value.verdict);
    case "workflowSubmitted":
      return verdictFacts(kind.value.verdict);
    case "approvalGiven":
      return kind.value.roles.length === 0 ? [] : [`roles=${kind.value.roles.join(",")}`];
    case "completionReceived":
      return jsonFact("data", kind.value.data);
    case "signalReceived":
      return [...jsonFact("data", kind.value.data), ...jsonFact("set", kind.value.set)];
    case "continuedAsNew":
      return [...jsonFact("vars", kind.value.vars), ...(kind.value.signals.length === 0 ? [] : [`waiting=${kind.value.signals.length}`])];
    case "attemptEnded":
      return jsonFact("set", kind.value.set);
    case "attemptAwaits":
      return [`awaits=${awaitedText(kind.value.awaited)}`];
    case "freezeBegan":
      return kind.value.freezes;
    case "listExpanded":
      return kind.value.error === "" ? [`items=${kind.value.items.length}`] : [];
    default:
      return [];
  }
}

function jsonFact(name: string, value: JsonObject | undefined): readonly string[] {
  return value === undefined || Object.keys(value).length === 0 ? [] : [`${name}=${plainJson(value)}`];
}

function awaitedText(awaited: Awaited | undefined): string {
  const kind = awaited?.kind;
  switch (kind?.case) {
    case "moment":
      return `until:${new Date(Number(kind.value.atMs)).toISOString()}`;
    case "signal":
      return `signal:${kind.value.name}`;
    case "person":
      return `person:${kind.value.role}`;
    case "completion":
      return "completion";
    default:
      return "unknown";
  }
}

function verdictFacts(verdict: Verdict | undefined): readonly string[] {
  if (verdict === undefined) return [];
  const gate = `gate=${enumName(GateSchema, verdict.gate).toLowerCase()}`;
  const decision = `decision=${enumName(DecisionSchema, verdict.decision)}`;
  return [gate, decision, verdict.rules.map(ruleText).join("; ")];
}

function shortFacts(facts: JsonObject, hidden: readonly string[]): readonly string[] {
  return Object.entries(facts).flatMap(([name, value]) => {
    if (hidden.includes(name) || value === null || value === "" || value === "UNSPECIFIED" || value === false || typeof value === "object")
      return [];
    return [`${name}=${typeof value === "string" && /^[\w.:@/+-]+$/.test(value) ? value : plainJson(value)}`];
  });
}
