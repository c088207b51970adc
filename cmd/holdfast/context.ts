// What every verb works with: the parsed global flags, the connection (made when it is first needed), the logbook, patience.
// 1. Nothing is connected, read or written before a verb asks for it.

import { HoldfastError } from "../../internal/base/errors.ts";
import { DURATION_FORM, parseDurationMs } from "../../internal/base/duration.ts";
import { formatDurationMs } from "../../internal/sdk/duration.ts";
import type { HoldfastClient } from "../../internal/sdk/client.ts";
import { Logbook, stateDirectory } from "../../internal/sdk/logbook.ts";
import type { HandshakePorts, ServiceMark } from "../../internal/sdk/handshake.ts";
import type { Patience } from "../../internal/sdk/persistence.ts";
import { CALL_TIMEOUT_MS, findConnection, GIVE_UP_AFTER_DEFAULT, recordedConnection } from "./config.ts";
import type { Connection, ConnectionFlags } from "./config.ts";
import type { Options } from "./options.ts";
import { flag, textOption } from "./options.ts";
import { Output } from "./output.ts";
import type { World } from "./world.ts";

/** A long outage is spoken of, but does not fill a log. */
const TROUBLE_SAID_EVERY_MS = 30_000;

/** One run of one verb. */
export class Context {
  readonly world: World;
  readonly options: Options;
  readonly out: Output;
  readonly logbook: Logbook;
  /** Told in place of a line of talk while a live display owns the terminal. */
  notify: (text: string) => void;
  /** How to go on after an interrupt: set as soon as there is something to go on with. */
  resumeHint = "";
  /** The ID of a workflow that this command has submitted and not yet executed; empty: none. */
  submittedId = "";
  #troubleSaidMs = Number.NEGATIVE_INFINITY;
  #connection: Promise<Connection> | undefined;
  #client: Promise<HoldfastClient> | undefined;

  constructor(world: World, options: Options) {
    this.world = world;
    this.options = options;
    this.out = new Output(textOption(options, "output") === "json" ? "json" : "text", world.stdout, world.stderr);
    this.logbook = new Logbook({ stateDirectory: stateDirectory(world.env, world.home), files: world.files, clock: world.clock });
    this.notify = (text) => this.out.talk(text);
  }

  /** Where the service is. */
  connection(): Promise<Connection> {
    this.#connection ??= findConnection(this.world, this.#flags);
    return this.#connection;
  }

  get #flags(): ConnectionFlags {
    const text = (name: keyof ConnectionFlags): string | undefined => textOption(this.options, name);
    return { addr: text("addr"), token: text("token"), ca: text("ca"), cert: text("cert"), certKey: text("certKey") };
  }

  /** A service that was started again may listen on another port, and says so in its data directory. */
  async #followMove(): Promise<void> {
    const before = await this.connection();
    const now = await recordedConnection(this.world, this.#flags);
    if (now === undefined || (now.address === before.address && now.token === before.token)) return;
    this.#connection = Promise.resolve(now);
    (await this.client()).moveTo(now);
  }

  client(): Promise<HoldfastClient> {
    this.#client ??= this.connection().then((connection) => this.world.openClient({ ...connection, callTimeoutMs: CALL_TIMEOUT_MS }));
    return this.#client;
  }

  /** How long silence of the service is borne, and what is said about it. */
  patience(): Patience {
    return {
      clock: this.world.clock,
      giveUpAfterMs: this.#giveUpAfterMs(),
      signal: this.world.interrupted,
      onTrouble: async (error, delayMs) => {
        await this.#followMove();
        const nowMs = this.world.clock.nowMs();
        if (!this.isLive && nowMs - this.#troubleSaidMs < TROUBLE_SAID_EVERY_MS) return;
        this.#troubleSaidMs = nowMs;
        this.notify(`${error.message}; trying again in ${formatDurationMs(delayMs)}, the workflow is safe in the journal`);
      },
      onRecovered: () => {
        this.#troubleSaidMs = Number.NEGATIVE_INFINITY;
        this.notify("the service answers again");
      },
    };
  }

  async handshake(): Promise<HandshakePorts> {
    return { client: await this.client(), logbook: this.logbook, patience: this.patience() };
  }

  /** By what an entry of the logbook recognizes the service. */
  async serviceMark(): Promise<ServiceMark> {
    const { credentialMark } = await import("../../internal/sdk/handshake.ts");
    const { address, token } = await this.connection();
    return { address, credential: credentialMark(token) };
  }

  /** The workflow that an argument names. */
  ref(id: string): { id: string; namespace: string } {
    return { id, namespace: textOption(this.options, "namespace") ?? "" };
  }

  get isColourful(): boolean {
    const { NO_COLOR: noColor, TERM: term } = this.world.env;
    return this.world.stdout.isTerminal && (noColor === undefined || noColor === "") && term !== "dumb";
  }

  /** True when a live display may be drawn. */
  get isLive(): boolean {
    return this.world.stdout.isTerminal && !this.out.isJson && !flag(this.options, "plain") && this.world.env["TERM"] !== "dumb";
  }

  #giveUpAfterMs(): number {
    const ms = parseDurationMs(textOption(this.options, "giveUpAfter") ?? GIVE_UP_AFTER_DEFAULT);
    if (ms === undefined) throw new HoldfastError("INVALID_ARGUMENT", `--give-up-after must be ${DURATION_FORM}`);
    return ms;
  }
}
