// Watches for signs of life within the service: what gives none for its heartbeat is told of, once.
// 1. By the monotonic clock; one timer, however often it beats.

import type { Clock } from "../engine/ports.ts";

/** A watch over something that should give signs of life. */
export interface Pulse {
  /** It gave one. */
  beat(): void;
  stop(): void;
}

/** Watches from now on; `onSilent` is told how long after now the last sign came, undefined: none did. */
export function watchPulse(
  clock: Clock,
  { heartbeatMs, onSilent }: { readonly heartbeatMs: number; readonly onSilent: (heardAfterMs: number | undefined) => void },
): Pulse {
  const startMs = clock.monotonicMs();
  let heardMs: number | undefined;
  let cancel = (): void => undefined;
  const arm = (delayMs: number): void => void (cancel = clock.after(delayMs, look));
  const look = (): void => {
    const leftMs = (heardMs ?? startMs) + heartbeatMs - clock.monotonicMs();
    if (leftMs > 0) arm(leftMs);
    else onSilent(heardMs === undefined ? undefined : heardMs - startMs);
  };
  if (Number.isFinite(heartbeatMs)) arm(heartbeatMs);
  return {
    beat: () => {
      heardMs = clock.monotonicMs();
    },
    stop: () => cancel(),
  };
}
