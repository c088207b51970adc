// The network between simulated clients and the service: Connect's transport without a socket.
// 1. A request may be lost before the service sees it, an answer after it was given, a stream at any item; a service that dies breaks them all.
// 2. What the service answers is told to the keepers of the invariants where it leaves the service, whoever hears it.

import { Code, ConnectError } from "@connectrpc/connect";
import type { Transport } from "@connectrpc/connect";
import { create } from "@bufbuild/protobuf";
import type { DescMessage, DescMethodStreaming, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { Engine } from "../../internal/engine/engine.ts";
import type { Principal } from "../../internal/engine/face.ts";
import type { Chance } from "./chance.ts";
import type { Life } from "./life.ts";
import { dispatchCall, dispatchStream } from "./wire-calls.ts";
import type { Observer } from "./wire-calls.ts";

/** The service as a client finds it. */
export interface Doorstep {
  /** Undefined: nobody listens. */
  readonly service: { readonly engine: Engine; readonly life: Life } | undefined;
  readonly observer: Observer;
  /** How often a request, an answer or a stream is lost; drawn from this chance. */
  readonly lossRate: number;
  readonly chance: Chance;
}

/** A transport for one principal. */
export function wireTo(doorstep: () => Doorstep, by: Principal): Transport {
  return {
    async unary<I extends DescMessage, O extends DescMessage>(
      method: DescMethodUnary<I, O>,
      signal: AbortSignal | undefined,
      _timeoutMs: number | undefined,
      _header: unknown,
      input: MessageInitShape<I>,
    ) {
      const { service, observer, lossRate, chance } = doorstep();
      if (service === undefined) throw notConnected();
      if (chance.hit(lossRate)) throw broken();
      const request = create(method.input, input);
      const isLost = chance.hit(lossRate);
      const work = dispatchCall(
        service.engine,
        { name: method.name, request, by, signal: signal ?? NEVER_ABORTED },
        whileAlive(observer, service.life),
      );
      const message = await orBroken(work, service.life, signal);
      if (isLost) throw broken();
      // The method's own answer, as dispatchCall() says.
      return {
        stream: false as const,
        service: method.parent,
        method,
        header: new Headers(),
        trailer: new Headers(),
        message: answerOf(method, message),
      };
    },
    async stream<I extends DescMessage, O extends DescMessage>(
      method: DescMethodStreaming<I, O>,
      signal: AbortSignal | undefined,
      _timeoutMs: number | undefined,
      _header: unknown,
      input: AsyncIterable<MessageInitShape<I>>,
    ) {
      const { service, observer } = doorstep();
      if (service === undefined) throw notConnected();
      let request: MessageShape<I> | undefined;
      for await (const item of input) request = create(method.input, item);
      const left = new AbortController();
      signal?.addEventListener("abort", () => left.abort(), { once: true });
      const items = dispatchStream(
        service.engine,
        { name: method.name, request, by, signal: left.signal },
        whileAlive(observer, service.life),
      );
      const message = received(items, { life: service.life, signal, doorstep, answer: (item) => answerOf(method, item) });
      return { stream: true as const, service: method.parent, method, header: new Headers(), trailer: new Headers(), message };
    },
  };
}

async function* received<T>(
  items: AsyncIterable<unknown>,
  of: {
    readonly life: Life;
    readonly signal: AbortSignal | undefined;
    readonly doorstep: () => Doorstep;
    readonly answer: (item: unknown) => T;
  },
): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]();
  for (;;) {
    const item = await orBroken(iterator.next(), of.life, of.signal);
    if (item.done === true) return;
    const { chance, lossRate } = of.doorstep();
    if (chance.hit(lossRate)) throw broken();
    yield of.answer(item.value);
  }
}

/** What the service answers, or the end of its life, or of the caller's patience. */
function orBroken<T>(work: Promise<T>, life: Life, signal: AbortSignal | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      stop();
      signal?.removeEventListener("abort", end);
      reject(broken());
    };
    const stop = life.whenOver(end);
    signal?.addEventListener("abort", end, { once: true });
    const leave = (): void => {
      stop();
      signal?.removeEventListener("abort", end);
    };
    if (life.isOver) end();
    work.then(
      (value) => {
        leave();
        resolve(value);
      },
      (error: unknown) => {
        leave();
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}

function answerOf<O extends DescMessage>(_method: { readonly output: O }, message: unknown): MessageShape<O> {
  return message as MessageShape<O>;
}

/** What a process that has died would have said nobody hears. */
function whileAlive(observer: Observer, life: Life): Observer {
  return {
    answered: (answer) => (life.isOver ? undefined : observer.answered(answer)),
    told: (status) => (life.isOver ? undefined : observer.told(status)),
    watched: (id, item) => (life.isOver ? undefined : observer.watched(id, item)),
  };
}

const NEVER_ABORTED = new AbortController().signal;

/** Nobody listens: the call has certainly not reached the service. */
function notConnected(): ConnectError {
  return new ConnectError(
    "nobody listens",
    Code.Unavailable,
    undefined,
    undefined,
    Object.assign(new Error("refused"), { code: "ECONNREFUSED" }),
  );
}

/** The connection broke: nobody knows how far the call got. */
function broken(): ConnectError {
  return new ConnectError(
    "the connection broke",
    Code.Unavailable,
    undefined,
    undefined,
    Object.assign(new Error("reset"), { code: "ECONNRESET" }),
  );
}
