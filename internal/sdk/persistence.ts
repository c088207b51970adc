// Repeating what may be repeated: calls and streams that outlive restarts of the service.
// 1. Delays grow to a bound and carry jitter, so that many clients do not come back in step.
// 2. The first contact fails at once: who starts a command while nothing is there wants to know. After it, only `giveUpAfterMs` of
//    silence ends the attempt, and the error says what became of the work.

import { randomInt } from "node:crypto";
import type { HoldfastError } from "../base/errors.ts";
import { RECONNECT_DELAY_MS_MAX, RECONNECT_DELAY_MS_MIN } from "../base/limits.ts";
import { Phase } from "../gen/holdfast/v1/status_pb.ts";
import type { WatchResponse } from "../gen/holdfast/v1/workflow_service_pb.ts";
import type { HoldfastClient } from "./client.ts";
import { sleep } from "./ports.ts";
import type { SdkClock } from "./ports.ts";
import { fromWireError, isNotConnected, isPassing, retryAfterMs } from "./wire-error.ts";

/** How long to try, and whom to tell. */
export interface Patience {
  readonly clock: SdkClock;
  /** The longest silence of the service that is borne. */
  readonly giveUpAfterMs: number;
  /** Told before each delay: what broke, and how long until the next try. May look where the service is now. */
  readonly onTrouble: (error: HoldfastError, delayMs: number) => void | Promise<void>;
  /** Told when the service answers again after trouble. */
  readonly onRecovered: () => void;
  readonly signal: AbortSignal;
}

/** Which workflow to follow, from where on. */
export interface Following {
  readonly workflow: { readonly id: string; readonly namespace: string };
  readonly afterSeq: bigint;
  /** Status only, no events. */
  readonly isStatusOnly: boolean;
}

/** Repeats a call until it is answered, whatever the answer. `isFirstContact`: without any connection it fails at once. */
export async function persist<Answer>(
  patience: Patience,
  options: { isFirstContact: boolean },
  call: () => Promise<Answer>,
): Promise<Answer> {
  const outage = new Outage(patience, options);
  for (;;) {
    try {
      const answer = await call();
      outage.end();
      return answer;
    } catch (error) {
      await outage.bear(fromWireError(error));
    }
  }
}

/** What happens to a workflow until it has ended, over any number of reconnections: no event is missed and none comes twice. */
export async function* followWorkflow(
  client: HoldfastClient,
  following: Following,
  patience: Patience,
): AsyncGenerator<WatchResponse, void> {
  const { workflow, isStatusOnly } = following;
  let { afterSeq } = following;
  const outage = new Outage(patience, { isFirstContact: true });
  for (;;) {
    let isEnded = false;
    try {
      for await (const answer of client.watch({ workflow, afterSeq, statusOnly: isStatusOnly }, patience.signal)) {
        outage.end();
        afterSeq = answer.seq > afterSeq ? answer.seq : afterSeq;
        isEnded = answer.status !== undefined && hasEnded(answer.status.phase);
        yield answer;
      }
      if (isEnded) return;
      await outage.bear(undefined); // a service that goes down politely ends its streams
    } catch (error) {
      await outage.bear(fromWireError(error));
    }
  }
}

/** True for the phases after which nothing more happens by itself. */
export function hasEnded(phase: Phase): boolean {
  return phase === Phase.SUCCEEDED || phase === Phase.FAILED || phase === Phase.CANCELLED || phase === Phase.EXPIRED;
}

/** One stretch of silence: how long it has lasted, and how long to wait before the next try. */
class Outage {
  readonly #patience: Patience;
  #isFirstContact: boolean;
  #sinceMs: number | undefined;
  #tries = 0;
  #hasSpoken = false;

  constructor(patience: Patience, options: { isFirstContact: boolean }) {
    this.#patience = patience;
    this.#isFirstContact = options.isFirstContact;
  }

  /** The service answered. */
  end(): void {
    if (this.#hasSpoken) this.#patience.onRecovered();
    this.#hasSpoken = false;
    this.#isFirstContact = false;
    this.#sinceMs = undefined;
    this.#tries = 0;
  }

  /** Waits before the next try; throws when there is to be none. No error: the stream ended in order, and too early. */
  async bear(error: HoldfastError | undefined): Promise<void> {
    const { clock, signal, giveUpAfterMs, onTrouble } = this.#patience;
    if (signal.aborted) throw signal.reason instanceof Error ? signal.reason : (error ?? new Error("aborted"));
    if (error !== undefined && !isPassing(error)) throw error;
    if (error !== undefined && this.#isFirstContact && isNotConnected(error)) throw error;
    this.#isFirstContact = false; // it may have got through
    const nowMs = clock.nowMs();
    this.#sinceMs ??= nowMs;
    if (error !== undefined && nowMs - this.#sinceMs >= giveUpAfterMs) throw error;
    const ownMs = jittered(Math.min(RECONNECT_DELAY_MS_MAX, RECONNECT_DELAY_MS_MIN * 2 ** Math.min(this.#tries, 10)));
    const hintMs = error === undefined ? 0 : (retryAfterMs(error) ?? 0);
    const delayMs = Math.max(ownMs, Math.min(RECONNECT_DELAY_MS_MAX, hintMs));
    this.#tries++;
    if (error !== undefined) {
      this.#hasSpoken = true;
      await onTrouble(error, delayMs);
    }
    await sleep(clock, delayMs, signal);
  }
}

function jittered(delayMs: number): number {
  return Math.round((delayMs * randomInt(500, 1_001)) / 1_000);
}
