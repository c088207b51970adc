// Random actions: what they use, their arguments, conditions, needs, retry rules and times.
// 1. What a `set` writes is the same at every attempt, so that one that succeeded late is found converged; only reads use what may change.

import type { JsonValue } from "@bufbuild/protobuf";
import type { Chance } from "./chance.ts";
import { changingTexts, conditions, steadyTexts } from "./random-expression.ts";
import type { ExpressionPlace } from "./random-expression.ts";

import { ADDS_ONE, SIGNALS } from "./random-signals.ts";

type Json = { [key: string]: JsonValue };

/** What later expressions need to know of an action. */
export interface ActionSketch {
  readonly name: string;
  readonly uses: string;
  /** Positions of all that are certain to have ended before it. */
  readonly before: readonly number[];
}

/** Where an action stands. */
export interface ActionPlace extends Omit<ExpressionPlace, "before"> {
  /** The name of what it sets. */
  readonly value: string;
  readonly before: readonly ActionSketch[];
  /** True where the workflow has a variable and signals. */
  readonly hasSignals: boolean;
}

/** What the fake fleet offers, as often as it is used. */
const USES = ["set", "set", "set", "set", "touch", "touch", "probe", "probe", "send", "wait", "signal", "person"] as const;

/** What an alternative uses: nothing that might be awaited for ever. */
const WAYS = USES.filter((uses) => uses !== "signal" && uses !== "person");

/** An action. */
export function randomAction(
  chance: Chance,
  place: ActionPlace,
  { prefix, main }: { readonly prefix: string; readonly main: readonly ActionSketch[] } = { prefix: "a", main: [] },
): { readonly json: Json; readonly sketch: ActionSketch } {
  const { before: earlier, value } = place;
  const position = earlier.length;
  const uses = chance.pick(USES.filter((each) => each !== "signal" || place.hasSignals)) ?? "set";
  const isGraph = chance.hit(0.4);
  const across = isGraph ? needsAcross(chance.fork("across", value), place) : [];
  const needed = isGraph ? chance.some([...earlier.keys()], 0.4) : earlier.length === 0 ? [] : [position - 1];
  const before = [...new Set(needed.flatMap((index) => [...(earlier[index]?.before ?? []), index]))].toSorted((a, b) => a - b);
  const name = chance.hit(0.1) && prefix === "a" ? `step-${position}` : `${prefix}${position}`;
  const scene: ExpressionPlace = { ...place, before: [...main, ...before.flatMap((index) => earlier[index] ?? [])] };
  const ways = chance.fork("try", value);
  const isTried = ways.hit(0.12);
  // Now and then it finishes the workflow instead; what else was drawn stays as it was.
  const ending = chance.fork("finish", value);
  const isFinish = prefix === "a" && place.stage.startsWith("s") && !isTried && ending.hit(0.04);
  const json: Json = {
    name,
    ...(isTried ? { try: randomAlternatives(ways, value, scene) } : { uses, with: randomArguments(chance, { uses, value, scene }) }),
    ...(isGraph ? { needs: { actions: [...needed.map((index) => earlier[index]?.name ?? ""), ...across] } } : {}),
    ...(prefix === "a" ? randomUndo(chance.fork("undo", value), value, scene) : {}),
    ...(chance.fork("continue", value).hit(0.1) ? { continueOnError: true } : {}),
    ...(chance.hit(0.35) ? { when: randomWhen(chance, scene) } : {}),
    ...(chance.hit(0.4) ? { retry: randomRetry(chance, value) } : {}),
    ...(isTried || isFinish ? {} : randomRepeat(chance.fork("repeat", value), name)),
    ...(uses === "signal" || uses === "person" || chance.hit(0.9) ? { timeout: chance.one("30s", "5s", "90s") } : {}),
    ...(chance.hit(0.2) ? { totalTimeout: `${chance.int(10, 90)}s` } : {}),
    ...randomSchedule(chance.fork("schedule", value)),
    ...(isTried || isFinish ? {} : randomHeartbeat(chance.fork("heartbeat", value), uses)),
    ...(place.hasSignals && chance.hit(0.3) ? ADDS_ONE : {}),
    ...(chance.hit(0.05) ? { annotations: { part: name } } : {}),
    ...(isFinish ? { uses: "finish", with: finishArguments(ending, scene) } : {}),
  };
  const handing = withCompletion(chance.fork("completion", value), json);
  // What came is beside what it put out itself, and may be missing: later expressions name neither.
  return { json: handing, sketch: { name, uses: isTried || handing !== json ? "set" : isFinish ? "finish" : uses, before } };
}

/** It hands out its token, and awaits what is said by it. */
function withCompletion(chance: Chance, json: Json): Json {
  const ways = Array.isArray(json["try"]) ? json["try"] : [json];
  if (!chance.hit(0.07) || !ways.every(isHandingOut)) return json;
  const missing = chance.one("UNSPECIFIED", "UNKNOWN", "FAILED");
  const completion = { within: `${chance.int(1, 60)}s`, missing: `COMPLETION_MISSING_${missing}` };
  const token = chance.hit(0.95) ? { token: "${{ task.token }}" } : {};
  const hand = (way: Json): Json => ({ ...way, with: { ...(isJson(way["with"]) ? way["with"] : {}), ...token } });
  return ways[0] === json ? { ...hand(json), completion } : { ...json, try: ways.filter(isJson).map(hand), completion };
}

function isHandingOut(way: JsonValue): boolean {
  return isJson(way) && typeof way["uses"] === "string" && ["set", "touch", "probe", "send"].includes(way["uses"]);
}

function isJson(value: JsonValue | undefined): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function randomUndo(chance: Chance, value: string, scene: ExpressionPlace): Json {
  if (!chance.hit(0.2)) return {};
  const uses = chance.one("set", "touch");
  const way = {
    uses,
    with: randomArguments(chance, { uses, value: `${value}u`, scene }),
    ...randomHeartbeat(chance.fork("heartbeat", value), uses),
    ...(chance.hit(0.4) ? { retry: randomRetry(chance, value) } : {}),
    ...(chance.hit(0.5) ? { timeout: chance.one("30s", "5s", "90s") } : {}),
    ...(chance.hit(0.1) ? { totalTimeout: `${chance.int(10, 90)}s` } : {}),
  };
  return { undo: way };
}

function randomAlternatives(chance: Chance, value: string, scene: ExpressionPlace): Json[] {
  return Array.from({ length: chance.int(1, 3) }, (_, index) => {
    const uses = chance.pick(WAYS) ?? "set";
    return {
      uses,
      with: randomArguments(chance, { uses, value: `${value}t${index}`, scene }),
      ...(chance.hit(0.3) ? { retry: randomRetry(chance, index) } : {}),
      ...(chance.hit(0.5) ? { timeout: chance.one("30s", "5s", "90s") } : {}),
      ...(chance.hit(0.1) ? { totalTimeout: `${chance.int(10, 90)}s` } : {}),
      ...randomHeartbeat(chance.fork("heartbeat", index), uses),
      ...(chance.hit(0.4) ? { onUnknown: "ON_UNKNOWN_NEXT" } : {}),
    };
  });
}

/** Actions of earlier stages. */
function needsAcross(chance: Chance, { stages }: ActionPlace): readonly string[] {
  const all = stages.flatMap((stage) => stage.actions.map((action) => `${stage.name}.${action.name}`));
  return chance.hit(0.3) ? chance.some(all, 0.3) : [];
}

/** Until it has been tried often enough, or never: then it fails after its last iteration. */
function randomRepeat(chance: Chance, name: string): Json {
  if (!chance.hit(0.1)) return {};
  const own = name.replaceAll("-", "_");
  const until = chance.one(`${own}.attempts >= 2`, "task.run >= 3", `!${own}.changed`, "true", `${own}.outcome == "FAILED"`);
  return { repeat: { until, max: chance.int(1, 4), ...(chance.hit(0.6) ? { every: `${chance.int(1, 20)}s` } : {}) } };
}

/** Of what gives signs of life. */
function randomHeartbeat(chance: Chance, uses: string): Json {
  const hasPulse = uses === "touch" || uses === "probe" || uses === "send";
  return hasPulse && chance.hit(0.3) ? { heartbeat: chance.one("1s", "4s", "20s", "100s") } : {};
}

function randomSchedule(chance: Chance): Json {
  return chance.hit(0.1) ? { scheduleTimeout: `${chance.int(5, 120)}s` } : {};
}

function finishArguments(chance: Chance, scene: ExpressionPlace): Json {
  const text = `\${{ ${chance.pick(changingTexts(scene)) ?? "workflow.id"} }}`;
  return {
    outcome: chance.one("succeeded", "failed"),
    ...(chance.hit(0.5) ? { message: `enough: ${text}` } : {}),
    ...(chance.hit(0.5) ? { output: { why: text, n: 1 } } : {}),
  };
}

interface Arguments {
  readonly uses: (typeof USES)[number];
  readonly value: string;
  readonly scene: ExpressionPlace;
}

function randomArguments(chance: Chance, { uses, value, scene }: Arguments): Json {
  const steady = steadyTexts(scene);
  const template = (texts: readonly string[]): string => `\${{ ${chance.pick(texts) ?? "workflow.id"} }}`;
  switch (uses) {
    case "set": {
      // All items are done at one host: each has a name of its own there.
      const name = scene.isList ? `${value} \${{ task.key }}` : value;
      if (chance.hit(0.5)) return { name, value: "1" };
      if (chance.hit(0.1)) return { name, value: "key ${{ secret('token') }}" };
      // Never empty, which a host takes for absent.
      return { name, value: `of ${template(steady)}${chance.hit(0.3) ? ` and ${template(steady)}` : ""}` };
    }
    case "touch":
      return { n: 1, ...(chance.hit(0.3) ? { note: template(changingTexts(scene)) } : {}) };
    case "probe":
    case "send":
      return { n: 1, ...(chance.hit(0.5) ? { seen: { deep: [template(changingTexts(scene)), true, 2.5] } } : {}) };
    case "signal":
      return { name: SIGNALS.awaited };
    case "person":
      return { role: chance.one("sre", "dba"), title: "look at it", ...(chance.hit(0.5) ? { fields: { n: { type: "int" } } } : {}) };
    case "wait":
      return { for: `${chance.int(1, 40)}s` };
    default:
      return uses satisfies never;
  }
}

function randomWhen(chance: Chance, scene: ExpressionPlace): string {
  const { usual, rare } = conditions(scene);
  if (chance.hit(0.1)) return "false";
  return chance.pick(chance.hit(0.3) ? rare : usual) ?? "true";
}

function randomRetry(chance: Chance, of: string | number): Json {
  const attempts = chance.int(chance.hit(0.05) ? 0 : 1, 4);
  const ends = chance.fork("retry on", of);
  const on = ends.hit(0.3) ? { on: ends.some(["RETRY_ON_FAILED", "RETRY_ON_UNREACHABLE", "RETRY_ON_TIMED_OUT"], 0.5) } : {};
  const jitter = { ...(chance.hit(0.3) ? { jitter: chance.one(0, 0.5, 1) } : {}), ...on };
  if (chance.hit(0.1)) return { attempts, ...jitter };
  if (chance.hit(0.4)) return { attempts, delay: `${chance.int(0, 5)}s`, ...jitter };
  return { attempts, backoff: `${chance.int(0, 5)}s`, ...(chance.hit(0.7) ? { backoffMax: "20s" } : {}), ...jitter };
}
