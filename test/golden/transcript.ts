// What a person would see of a service in a test: each command, the events that followed from it, and where every workflow then stands.

import { create } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import type { Principal } from "../../internal/engine/face.ts";
import { HoldfastError } from "../../internal/base/errors.ts";
import {
  AttemptOutcomeSchema,
  DeferReasonSchema,
  Mode,
  ResolutionSchema,
  WorkflowOutcomeSchema,
} from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { Resolution } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { FreezeRequestSchema, ThawRequestSchema } from "../../internal/gen/holdfast/v1/guard_service_pb.ts";
import { FreezeMode, FreezeScopeSchema } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import { HoldKindSchema, PhaseSchema } from "../../internal/gen/holdfast/v1/status_pb.ts";
import type { HistoryEvent, TaskCounts } from "../../internal/gen/holdfast/v1/status_pb.ts";
import type { RunAgain } from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import {
  CompleteRequestSchema,
  FailRequestSchema,
  ResolveTaskRequestSchema,
  RetryRequestSchema,
} from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { valueToJson } from "../../internal/workflow/value-json.ts";
import { FAKE_START_MS } from "../fakes/fake-clock.ts";
import type { ScopeKind } from "../fakes/guarded-world.ts";
import { World, aSubmission, requestId } from "../fakes/world.ts";
import { ANN } from "../fakes/principals.ts";
import { retryOf } from "../fakes/retry-request.ts";

const SHOWN_COUNTS = ["changed", "unchanged", "failed", "unreachable", "unknown", "skipped", "cancelled", "running", "waiting"] as const;

/** A service, and the transcript of what is done with it. */
export class Transcript {
  readonly world: World;
  readonly #lines: string[] = [];
  /** Workflows by the name that the transcript gives them, in order of their Submit. */
  readonly #ids = new Map<string, string>();
  readonly #seen = new Map<string, number>();
  /** Those that attempts handed out, in order. */
  readonly #tokens: string[] = [];

  constructor(options: { readonly targets: number }) {
    this.world = new World(options);
    this.world.fleet.onToken = ({ token }) => void this.#tokens.push(token);
  }

  get text(): string {
    return `${this.#lines.join("\n")}\n`;
  }

  async start(): Promise<void> {
    await this.world.start();
  }

  /** A remark for the reader. */
  note(text: string): void {
    this.#lines.push(`# ${text}`);
  }

  async submit(name: string, definition: JsonValue, mode: Mode = Mode.APPLY): Promise<void> {
    await this.#do(`submit ${name}${mode === Mode.PLAN ? " as a plan" : ""}`, async () => {
      const request = aSubmission(definition, { requestId: requestId(this.#ids.size + 1) });
      const response = await this.world.engine.submit(ANN, request, mode);
      this.#ids.set(name, response.id);
    });
  }

  async run(name: string, definition: JsonValue, mode: Mode = Mode.APPLY): Promise<void> {
    await this.submit(name, definition, mode);
    await this.exec(name);
  }

  exec = (name = "w"): Promise<void> => this.#do(`exec ${name}`, () => this.world.engine.exec(ANN, this.#ref(name), ""));
  cancel = (name = "w"): Promise<void> => this.#do(`cancel ${name}`, () => this.world.engine.cancel(ANN, this.#ref(name), "enough"));
  pause = (name = "w"): Promise<void> => this.#do(`pause ${name}`, () => this.world.engine.pause(ANN, this.#ref(name), "lunch"));
  unpause = (name = "w"): Promise<void> => this.#do(`unpause ${name}`, () => this.world.engine.unpause(ANN, this.#ref(name)));
  retry = (name = "w"): Promise<void> => this.#do(`retry ${name}`, () => this.world.engine.retry(ANN, retryOf(this.#ref(name), "again")));

  signal = (name: string, key: string, data: { [field: string]: JsonValue }): Promise<void> =>
    this.#do(`signal ${name} ${key} ${JSON.stringify(data)}`, () => this.world.engine.signal(ANN, this.#ref("w"), { name, key, data }));

  approve = (by: Principal, reason: string, name = "w"): Promise<void> =>
    this.#do(`${by.name} approves ${name}`, async () => {
      const { digest } = await this.world.status(this.#ref(name).id);
      await this.world.engine.approve(by, this.#ref(name), { digest, reason });
    });

  /** Whoever was handed the token of an attempt says that its work is done, or why it failed. */
  completeByToken = (number: number, said: { readonly [field: string]: JsonValue } | string): Promise<void> => {
    const answer = typeof said === "string" ? { failed: true, reason: said, data: {} } : { failed: false, reason: "", data: said };
    const shown = typeof said === "string" ? `failed: ${said}` : `done ${JSON.stringify(said)}`;
    return this.#do(`the holder of token ${number} says: ${shown}`, () =>
      this.world.engine.completeByToken(this.#tokens[number - 1] ?? "forged", answer),
    );
  };

  complete = (stage: string, action: string, by: Principal): Promise<void> =>
    this.#do(`${by.name} completes ${stage}/${action}`, () => {
      const request = create(CompleteRequestSchema, { workflow: this.#ref("w"), stage, action, reason: "done" });
      return this.world.engine.complete(by, request);
    });

  refuse = (stage: string, action: string, by: Principal): Promise<void> =>
    this.#do(`${by.name} refuses ${stage}/${action}`, () => {
      const request = create(FailRequestSchema, { workflow: this.#ref("w"), stage, action, reason: "nobody home" });
      return this.world.engine.fail(by, request);
    });
  /** Opens a round in which this runs again though it succeeded: a task, a stage, or all. */
  redo(what: RunAgain["kind"] & { readonly case: string }, name = "w"): Promise<void> {
    const { case: kind, value } = what;
    const shown = kind === "task" ? `${value.stage}/${value.action} ${value.target}` : kind === "stage" ? `stage ${value}` : "all";
    return this.#do(`retry ${name} with ${shown}`, () =>
      this.world.engine.retry(
        ANN,
        create(RetryRequestSchema, { workflow: { ...this.#ref(name) }, reason: "once more", again: { kind: what } }),
      ),
    );
  }

  freeze = (kind: ScopeKind = { case: "everything", value: true }): Promise<void> =>
    this.#do(`freeze ${kind.case === "label" ? `${kind.value.label}=${kind.value.value}` : kind.case}`, async () => {
      const scope = create(FreezeScopeSchema, { kind: kind.case === "label" ? { case: "label", value: { ...kind.value } } : kind });
      await this.world.engine.freeze(ANN, create(FreezeRequestSchema, { scope, mode: FreezeMode.FINISH, reason: "stop it" }));
    });

  thaw = (id: string): Promise<void> =>
    this.#do(`thaw ${id}`, () => this.world.engine.thaw(ANN, create(ThawRequestSchema, { id, reason: "over" })));

  resolve(task: { readonly stage?: string; readonly action: string; readonly target: string }, resolution: Resolution): Promise<void> {
    const { stage = "fix", action, target } = task;
    const words = ResolutionSchema.value[resolution]?.localName ?? "";
    return this.#do(`resolve ${stage}/${action} ${target} ${words}`, async () => {
      const request = create(ResolveTaskRequestSchema, { workflow: this.#ref("w"), stage, action, target, resolution, reason: "looked" });
      await this.world.engine.resolveTask(ANN, request);
    });
  }

  /** Lets time pass. */
  wait(seconds: number): Promise<void> {
    return this.#do(`${seconds} s pass`, () => this.world.clock.advanceAsync(seconds * 1_000));
  }

  /** Kills the service and starts it again. */
  crash(): Promise<void> {
    return this.#do("the service is killed and started again", async () => {
      this.world.crash();
      await this.world.start();
    });
  }

  /** What the hosts have seen. */
  hosts(): void {
    const hosts = [...this.world.fleet.hosts.values()].toSorted((left, right) => (left.name < right.name ? -1 : 1));
    for (const { name, changes } of hosts) this.#lines.push(`  host ${name}: ${changes.length === 0 ? "not changed" : changes.join(", ")}`);
  }

  async #do(command: string, work: () => Promise<unknown>): Promise<void> {
    this.#lines.push(`> ${command}`);
    try {
      await work();
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      this.#lines.push(`  refused, ${error.code}: ${this.#anonymous(error.message)}`);
    }
    await this.world.settle();
    for (const [name, id] of this.#ids) await this.#show(name, id);
  }

  async #show(name: string, id: string): Promise<void> {
    const afterSeq = this.#seen.get(name) ?? 0;
    const events: HistoryEvent[] = [];
    for await (const page of this.world.engine.history({ id, namespace: "" }, { afterSeq, hasDetails: false })) events.push(...page.events);
    if (events.length === 0) return;
    const prefix = this.#ids.size > 1 ? `${name} ` : "";
    for (const event of events) this.#lines.push(`  ${prefix}${eventText(event)}`);
    this.#seen.set(name, afterSeq + events.length);
    this.#lines.push(`= ${prefix}${await this.#statusText(id)}`);
  }

  async #statusText(id: string): Promise<string> {
    const status = await this.world.status(id);
    const stage = status.stages.find((candidate) => candidate.name === status.stage);
    const parts = [PhaseSchema.value[status.phase]?.localName ?? ""];
    if (stage !== undefined) parts.push(`stage ${stage.name}${stage.waves > 1 ? ` wave ${stage.wave}/${stage.waves}` : ""}`);
    parts.push(countsText(status.counts));
    if (status.targetsAtRisk > 0) parts.push(`${status.targetsAtRisk} at risk`);
    if (status.output !== undefined) parts.push(`output ${JSON.stringify(valueToJson(status.output))}`);
    for (const hold of status.waitingFor) {
      const names = hold.names.length === 0 ? "" : ` (${hold.names.join(" ")})`;
      const kind = HoldKindSchema.value[hold.kind]?.localName ?? "";
      parts.push(
        `waits for ${kind}${names}${hold.until === undefined ? "" : ` until +${Number(hold.until.seconds) - FAKE_START_MS / 1_000} s`}`,
      );
    }
    if (status.error !== "") parts.push(`error: ${this.#anonymous(status.error)}`);
    return parts.join(" · ");
  }

  #ref(name: string): { readonly id: string; readonly namespace: string } {
    return { id: this.#ids.get(name) ?? "", namespace: "" };
  }

  #anonymous(text: string): string {
    let shown = text;
    for (const [name, id] of this.#ids) shown = shown.replaceAll(id, `<${name}>`);
    return shown;
  }
}

function countsText(counts: TaskCounts | undefined): string {
  const shown = SHOWN_COUNTS.flatMap((name) => ((counts?.[name] ?? 0) > 0 ? [`${name} ${counts?.[name]}`] : []));
  return shown.join(" ");
}

/** `+5.0 s  12 AttemptEnded fix/apply h1 #1 CHANGED`. */
function eventText({ seq, at, event, stage, action, target }: HistoryEvent): string {
  const seconds = Number(at?.seconds ?? 0n) + (at?.nanos ?? 0) / 1e9 - FAKE_START_MS / 1_000;
  const kind = event?.kind;
  const name = kind?.case === undefined ? "" : `${kind.case.charAt(0).toUpperCase()}${kind.case.slice(1)}`;
  const where = [action === "" ? stage : `${stage}/${action}`, target].filter((part) => part !== "").join(" ");
  const by = event?.by === "" ? "" : ` by ${event?.by}`;
  return `+${seconds.toFixed(1)} s ${String(seq).padStart(3)} ${[name, where, kindText(kind)].filter((part) => part !== "").join(" ")}${by}`;
}

function kindText(kind: NonNullable<HistoryEvent["event"]>["kind"] | undefined): string {
  switch (kind?.case) {
    case "waveStarted":
      return `${kind.value.wave + 1}: ${kind.value.count} targets`;
    case "waveEnded":
      return `${kind.value.wave + 1}${kind.value.pauseMs > 0 ? `, pause ${kind.value.pauseMs / 1_000} s` : ""}`;
    case "stageSkipped":
      return kind.value.reason;
    case "listExpanded":
      return kind.value.error === "" ? JSON.stringify(kind.value.items.map(valueToJson)) : kind.value.error;
    case "stageEnded":
      return kind.value.succeeded ? "well" : `badly${kind.value.error === "" ? "" : `: ${kind.value.error}`}`;
    case "stageRepeated":
      return `iteration ${kind.value.iteration} in ${kind.value.afterMs / 1_000} s`;
    case "attemptStarted":
    case "applyStarted":
    case "attemptInDoubt":
    case "attemptAwaits":
      return `#${kind.value.attempt}`;
    case "attemptEnded": {
      const { attempt, outcome, deferredFor, retryAfterMs, repeatAfterMs, iteration, error } = kind.value;
      const waits = deferredFor === 0 ? "" : ` for ${DeferReasonSchema.value[deferredFor]?.localName}`;
      const retries = retryAfterMs === undefined ? "" : `, again in ${retryAfterMs / 1_000} s`;
      const again = repeatAfterMs === undefined ? "" : `, iteration ${iteration} is not the last, the next in ${repeatAfterMs / 1_000} s`;
      return `#${attempt} ${AttemptOutcomeSchema.value[outcome]?.localName}${waits}${retries}${again}${error === "" ? "" : `: ${error}`}`;
    }
    case "completionReceived": {
      const { attempt, failed, reason, data } = kind.value;
      return `#${attempt} ${failed ? `failed: ${reason}` : `done ${JSON.stringify(data)}`}`;
    }
    case "signalReceived": {
      const { name: signal, key, set } = kind.value;
      return `${signal} ${key}${set === undefined ? "" : ` sets ${JSON.stringify(set)}`}`;
    }
    case "continuedAsNew":
      return `generation ${kind.value.generation} with ${JSON.stringify(kind.value.vars)}`;
    case "workflowRetried":
      return `round ${kind.value.round}`;
    case "taskRefused":
      return kind.value.error;
    case "taskResolved":
      return ResolutionSchema.value[kind.value.resolution]?.localName ?? "";
    case "finishDecided": {
      const { outcome, message } = kind.value;
      return `${WorkflowOutcomeSchema.value[outcome]?.localName ?? ""}: ${message}`;
    }
    case "workflowEnded":
      return WorkflowOutcomeSchema.value[kind.value.outcome]?.localName ?? "";
    default:
      return "";
  }
}
