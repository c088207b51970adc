// Those to whom simulated attempts hand out their tokens: they answer early, late, twice, otherwise, falsely, or never.
// 1. What a holder does follows from the token alone, so that it is the same whatever else a run leaves out.
// 2. Nothing here knows what should follow, but that a forged token is refused, and what was acknowledged is a promise.

import { HoldfastError } from "../../internal/base/errors.ts";
import type { TokenAnswer } from "../../internal/engine/face.ts";
import type { AttemptContext } from "../../internal/engine/ports.ts";
import type { World } from "../fakes/world.ts";
import type { Chance } from "./chance.ts";
import { taskOf } from "./fleet-record.ts";
import type { Invariants } from "./invariant.ts";
import type { Service } from "./service.ts";
import { Violation } from "./violation.ts";

/** So often one asks again that got no answer. */
const TRIES_MAX = 20;
const AGAIN_MS = 7_000;

/** What the holders speak to. */
export interface HoldersScene {
  readonly world: World;
  readonly service: Service;
  readonly invariants: Invariants;
  readonly root: Chance;
  note(text: string): void;
  onViolation(error: Error): void;
}

/** From now on whoever is handed a token answers. */
export function answerTokens(scene: HoldersScene): void {
  const holders = new Holders(scene);
  scene.world.fleet.onToken = (handed) => holders.take(handed);
}

class Holders {
  readonly #scene: HoldersScene;
  /** By a number in the order of their making: tokens themselves are long. */
  #holders = 0;

  constructor(scene: HoldersScene) {
    this.#scene = scene;
  }

  take({ token, context }: { readonly token: string; readonly context: AttemptContext }): void {
    const chance = this.#scene.root.fork("token", token);
    const number = (this.#holders += 1);
    const hold = { token, context, number };
    const first = anAnswer(chance);
    if (chance.hit(0.1)) return this.#scene.note(`holder ${number} of ${context.taskKey}.${context.attempt} never answers`);
    this.#later(hold, first, chance.pick([0, 0, 0, 500, 3_000, 20_000, 90_000]) ?? 0);
    if (chance.hit(0.2)) this.#later(hold, first, chance.int(0, 40_000));
    if (chance.hit(0.15)) this.#later(hold, anAnswer(chance), chance.int(0, 40_000));
    if (chance.hit(0.1)) this.#forge(token, chance);
  }

  #later(hold: Hold, answer: TokenAnswer, delayMs: number): void {
    if (delayMs === 0) return this.#say(hold, answer, 1);
    this.#scene.world.clock.after(delayMs, () => this.#say(hold, answer, 1));
  }

  /** Says it until there is an answer: a holder that heard nothing does not know whether it was received. */
  #say(hold: Hold, answer: TokenAnswer, tries: number): void {
    const { world, service, invariants, note } = this.#scene;
    const { token, number } = hold;
    const { workflowId: id, taskKey, attempt } = hold.context;
    let isAnswered = false;
    note(`holder ${number} of ${taskKey}.${attempt} says ${answer.failed ? "that it failed" : "that it is done"}`);
    service.ask(async (engine, life) => {
      try {
        await engine.completeByToken(token, answer);
      } catch (error) {
        if (life.isOver || !(error instanceof HoldfastError) || error.code === "UNAVAILABLE" || error.code === "RESOURCE_EXHAUSTED")
          throw error;
        isAnswered = true;
        note(`holder ${number} is told ${error.code}`);
        return;
      }
      if (life.isOver) return;
      isAnswered = true;
      invariants.answered({ id, seq: 0, promised: { kind: "completionReceived", task: taskOf(taskKey), by: String(attempt) } });
    });
    world.clock.after(AGAIN_MS, () => {
      if (!isAnswered && tries < TRIES_MAX) this.#say(hold, answer, tries + 1);
    });
  }

  #forge(token: string, chance: Chance): void {
    const at = chance.int(5, token.length - 2);
    const forged = `${token.slice(0, at)}${token[at] === "A" ? "B" : "A"}${token.slice(at + 1)}`;
    this.#scene.service.ask(async (engine, life) => {
      try {
        await engine.completeByToken(forged, anAnswer(chance));
      } catch (error) {
        if (life.isOver || (error instanceof HoldfastError && error.code === "PERMISSION_DENIED")) return;
        throw error;
      }
      if (!life.isOver) this.#scene.onViolation(new Violation("tokens: a forged one was taken"));
    });
  }
}

interface Hold {
  readonly token: string;
  readonly context: AttemptContext;
  readonly number: number;
}

function anAnswer(chance: Chance): TokenAnswer {
  if (chance.hit(0.25)) return { failed: true, reason: chance.one("no road", "lost"), data: {} };
  return { failed: false, reason: "", data: { n: chance.int(1, 3) } };
}
