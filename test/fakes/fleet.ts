// A fleet that remembers: each simulated host keeps what was done to it, so that a test compares the journal with the world.
// 1. Its actions behave as real ones: they look, they change, they can hang, fail, be unreachable or lose their answer on command.
// 2. What a service that was killed had under way goes no further: die() leaves it for ever where it is.

import { sha256Hex } from "../../internal/base/digest.ts";
import type { JsonObject, JsonValue } from "../../internal/base/json.ts";
import type {
  Action,
  Actions,
  ApplyResult,
  AttemptContext,
  CheckResult,
  Clock,
  Failure,
  PreparedAction,
} from "../../internal/engine/ports.ts";
import { Effects } from "../../internal/gen/holdfast/v1/event_pb.ts";

/** What a test may make a host do wrong at its next call. */
export type Trouble = "fail" | "unreachable" | "lost-answer" | "foreign" | "hang" | "silent";

/** One simulated host. */
export interface FleetHost {
  readonly name: string;
  /** What `set` actions wrote, by name. */
  readonly values: Map<string, string>;
  /** Every change, in order: `set web-01 a=1`, `touch`. */
  readonly changes: string[];
  /** Troubles still to come, by action name as `check`, `apply` or `run`. */
  readonly troubles: Map<"check" | "apply" | "run", Trouble[]>;
  /** Runs of unsafe commands whose outcome the host remembers, by task key and attempt. */
  readonly runs: Map<string, "done">;
  /** How often each attempt changed the host, by task key and attempt. */
  readonly applies: Map<string, number>;
  /** Reads, for tests that count them. */
  reads: number;
}

type StepKind = "check" | "apply" | "applied" | "run";

/** A call of an action, in the life of the service that made it. */
interface Call {
  readonly life: number;
  readonly host: FleetHost;
  readonly context: AttemptContext;
}

/** Named hosts, and the actions that work on them. */
export class Fleet implements Actions {
  readonly hosts = new Map<string, FleetHost>();
  /** Called at every step of an action: a test advances, crashes or waits here. What it answers is the action's failure. */
  onStep: (step: {
    readonly host: FleetHost;
    readonly kind: "check" | "apply" | "applied" | "run";
    readonly context: AttemptContext;
  }) => Promise<Failure | void> = async () => {};
  /** Called when a host is changed by an attempt, there and then. */
  onChange: (change: { readonly host: FleetHost; readonly context: AttemptContext }) => void = () => {};
  /** Time at the hosts, which end what gives no sign of life; without it nothing is silent for long enough. */
  after: Clock["after"] = () => () => undefined;
  /** Called when an attempt has handed out its token, as `token` of its arguments. */
  onToken: (handed: { readonly token: string; readonly context: AttemptContext }) => void = () => {};
  /** True while nobody can look at the host. */
  isDown: (host: FleetHost) => boolean = () => false;
  /** What a killed service had under way at a host may be done there all the same. */
  landsAtDeath: (host: FleetHost) => boolean = () => false;
  readonly #underWay = new Set<{ readonly host: FleetHost; readonly change: () => void }>();
  readonly #actions = new Map<string, Action>();
  #life = 0;

  constructor() {
    for (const action of [this.#setAction(), this.#touchAction(), this.#sendAction(), this.#probeAction()])
      this.#actions.set(action.uses, action);
  }

  /** An action beside those of the fleet. */
  add(action: Action): void {
    this.#actions.set(action.uses, action);
  }

  find(uses: string): Action | undefined {
    return this.#actions.get(uses);
  }

  names(): readonly string[] {
    return [...this.#actions.keys()];
  }

  host(name: string): FleetHost {
    const found = this.hosts.get(name) ?? {
      name,
      values: new Map(),
      changes: [],
      troubles: new Map(),
      runs: new Map(),
      applies: new Map(),
      reads: 0,
    };
    this.hosts.set(name, found);
    return found;
  }

  /** The next `step` calls at the host go wrong like this, one after the other. */
  trouble(name: string, step: "check" | "apply" | "run", ...troubles: readonly Trouble[]): void {
    const host = this.host(name);
    host.troubles.set(step, [...(host.troubles.get(step) ?? []), ...troubles]);
  }

  /** `set`: brings a named value to what is wanted. Idempotent and atomic. */
  #setAction(): Action {
    return this.#action("set", Effects.IDEMPOTENT, (raw, life) => ({
      effects: Effects.IDEMPOTENT,
      isAtomic: true,
      isSensitive: false,
      check: (context) => this.#checkValue(this.#call(life, context), raw),
      apply: async (context) =>
        this.#apply(this.#call(life, context), (host) => {
          this.#setValue(host, raw);
          this.#hand(raw, context);
        }),
    }));
  }

  /** `touch`: an unsafe command under a shim that remembers its runs. */
  #touchAction(): Action {
    return this.#action("touch", Effects.UNSAFE, (raw, life) => ({
      effects: Effects.UNSAFE,
      isAtomic: false,
      isSensitive: false,
      check: async (): Promise<CheckResult> => ({ kind: "unknowable" }),
      apply: async (context) =>
        this.#apply(this.#call(life, context), (host) => {
          host.changes.push("touch");
          host.runs.set(`${context.taskKey}.${context.attempt}`, "done");
          this.#hand(raw, context);
        }),
      look: async (context) =>
        this.isDown(this.#hostOf(context))
          ? { kind: "unreachable", message: "nobody can look" }
          : this.#hostOf(context).runs.has(`${context.taskKey}.${context.attempt}`)
            ? { kind: "applied" }
            : { kind: "absent" },
    }));
  }

  /** `send`: may be repeated, and leaves nothing to look at. */
  #sendAction(): Action {
    return this.#action("send", Effects.IDEMPOTENT, (raw, life) => ({
      effects: Effects.IDEMPOTENT,
      isAtomic: false,
      isSensitive: false,
      check: async (): Promise<CheckResult> => ({ kind: "unknowable" }),
      apply: async (context) =>
        this.#apply(this.#call(life, context), (host) => {
          host.changes.push("send");
          this.#hand(raw, context);
        }),
    }));
  }

  /** `probe`: reads the host's values, and puts out what its arguments say beside. */
  #probeAction(): Action {
    return this.#action("probe", Effects.NONE, (raw, life) => ({
      effects: Effects.NONE,
      isAtomic: false,
      isSensitive: false,
      check: async (): Promise<CheckResult> => ({ kind: "unknowable" }),
      apply: async (context): Promise<ApplyResult> => {
        const host = this.#hostOf(context);
        host.reads += 1;
        this.#hand(raw, context);
        const failure = await this.#step("run", { life, host, context });
        if (failure !== undefined) return failure;
        const trouble = await this.#troubled(host, "run", context);
        return trouble ?? { kind: "applied", output: { ...raw, values: Object.fromEntries(host.values) } };
      },
    }));
  }

  /** The service is killed: none of its calls gets any further. */
  die(): void {
    this.#life += 1;
    for (const { host, change } of this.#underWay) if (this.landsAtDeath(host)) change();
    this.#underWay.clear();
  }

  #action(uses: string, effects: Effects, prepare: (raw: JsonObject, life: number) => PreparedAction): Action {
    const parse = (raw: JsonObject): PreparedAction => {
      const life = this.#life;
      const action = prepare(raw, life);
      const alive = <T>(work: Promise<T>): Promise<T> => work.then((value) => (this.#life === life ? value : new Promise<T>(() => {})));
      const { look } = action;
      return {
        ...action,
        check: (context) => alive(action.check(context)),
        apply: (context, before) => alive(action.apply(context, before)),
        ...(look === undefined ? {} : { look: (context: AttemptContext) => alive(look(context)) }),
      };
    };
    return { uses, effects, digest: "", hasPulse: uses !== "set", validate: () => [], parse };
  }

  /** A step of an action; a killed service never comes out of it. */
  async #step(kind: StepKind, { life, host, context }: Call): Promise<Failure | undefined> {
    const failure = this.#life === life ? await this.onStep({ host, kind, context }) : undefined;
    if (this.#life !== life) await new Promise<never>(() => {});
    return failure ?? undefined;
  }

  async #checkValue(call: Call, raw: JsonObject): Promise<CheckResult> {
    const { host, context } = call;
    const failure = await this.#step("check", call);
    if (failure !== undefined) return failure;
    const trouble = await this.#troubled(host, "check", context);
    if (trouble !== undefined) return trouble;
    const found = host.values.get(text(raw["name"])) ?? "";
    const checksum = found === "" ? "" : sha256Hex(found).slice(0, 8);
    return found === text(raw["value"])
      ? { kind: "converged", checksum }
      : { kind: "different", checksum, diff: `-${found}\n+${text(raw["value"])}` };
  }

  async #apply(call: Call, act: (host: FleetHost) => unknown): Promise<ApplyResult> {
    const { host, context } = call;
    const change = (): void => {
      const key = `${context.taskKey}.${context.attempt}`;
      host.applies.set(key, (host.applies.get(key) ?? 0) + 1);
      act(host);
      this.onChange({ host, context });
    };
    const underWay = { host, change };
    this.#underWay.add(underWay);
    const result = await this.#applyOnce(call, () => {
      this.#underWay.delete(underWay);
      change();
    });
    this.#underWay.delete(underWay);
    return result;
  }

  async #applyOnce(call: Call, change: () => void): Promise<ApplyResult> {
    const { host, context } = call;
    const failure = await this.#step("apply", call);
    if (failure !== undefined) return failure;
    // What was under way when its service ended was done then, or is not done any more.
    if (this.#life !== call.life) await new Promise<never>(() => {});
    const [next] = host.troubles.get("apply") ?? [];
    if (next === "lost-answer") change();
    const trouble = await this.#troubled(host, "apply", context);
    if (trouble !== undefined) return trouble;
    if (this.#life !== call.life) await new Promise<never>(() => {});
    if (context.signal.aborted) return { kind: "cancelled", message: "it was ended" };
    change();
    return (await this.#step("applied", call)) ?? { kind: "applied" };
  }

  #hand(raw: JsonObject, context: AttemptContext): void {
    if (typeof raw["token"] === "string" && raw["token"] !== "") this.onToken({ token: raw["token"], context });
  }

  #setValue(host: FleetHost, raw: JsonObject): void {
    host.values.set(text(raw["name"]), text(raw["value"]));
    host.changes.push(`set ${text(raw["name"])}=${text(raw["value"])}`);
  }

  async #troubled(host: FleetHost, step: "check" | "apply" | "run", context: AttemptContext): Promise<Failure | undefined> {
    const trouble = host.troubles.get(step)?.shift();
    switch (trouble) {
      case "fail":
        return { kind: "failed", message: `${host.name} says no` };
      case "unreachable":
        return { kind: "unreachable", message: `${host.name} cannot be reached` };
      case "lost-answer":
        return { kind: "unknown", message: `the connection to ${host.name} was lost` };
      case "foreign":
        host.values.set("foreign", "yes");
        return undefined;
      case "hang":
        await aborted(context.signal);
        return { kind: "cancelled", message: `${host.name} was ended` };
      case "silent":
        return this.#silent(host, context);
      default:
        return undefined;
    }
  }

  /** As under the shim: the host itself ends what gives no sign of life for its heartbeat; without one it goes on for ever. */
  async #silent(host: FleetHost, { heartbeatMs, signal }: AttemptContext): Promise<Failure> {
    const wasAborted = await new Promise<boolean>((resolve) => {
      const cancel = Number.isFinite(heartbeatMs) ? this.after(heartbeatMs, () => resolve(false)) : () => undefined;
      void aborted(signal).then(() => (cancel(), resolve(true)));
    });
    if (wasAborted) return { kind: "cancelled", message: `${host.name} was ended` };
    return { kind: "failed", isTimedOut: true, message: `${host.name} gave no sign of life for its heartbeat` };
  }

  #call(life: number, context: AttemptContext): Call {
    return { life, host: this.#hostOf(context), context };
  }

  #hostOf(context: AttemptContext): FleetHost {
    return this.host(context.target?.name ?? "service");
  }
}

function text(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? "");
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
