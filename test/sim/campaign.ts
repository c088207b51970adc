// Many scenarios in several processes: hands them out one by one, adds up what they came to, and keeps what was found.
// 1. A process that dies, or is at one scenario for too long, is a finding about that scenario; it is replaced, and the others go on.
// 2. Each scenario runs in a process that has run others: what it comes to may not depend on that, and a replay shows whether it does.

import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { WorkerReply } from "./campaign-worker.ts";
import type { Scenario } from "./scenario.ts";
import type { Finding } from "./scenario-run.ts";
import { scenarioText } from "./scenario-text.ts";

/** A scenario that broke a rule. */
export interface Failure {
  readonly scenario: Scenario;
  readonly finding: Finding;
}

/** What a campaign came to so far. */
export interface CampaignFigures {
  readonly scenarios: number;
  readonly elapsedMs: number;
  /** The sums of what runs count: simulated tasks, crashes and so on. */
  readonly tally: Readonly<Record<string, number>>;
  readonly failures: readonly Failure[];
}

/** What to run, and for how long. */
export interface CampaignOptions {
  /** The next scenario; undefined: there are no more. */
  next(): Scenario | undefined;
  readonly jobs: number;
  /** After so many failures nothing more is begun. */
  readonly failuresMax: number;
  /** One scenario may take so long. */
  readonly scenarioMsMax: number;
  /** Called after each scenario. */
  onProgress(figures: CampaignFigures): void;
}

/** Runs until there are no more scenarios, or too many failures. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignFigures> {
  const campaign = new Campaign(options);
  await Promise.all(Array.from({ length: options.jobs }, () => campaign.work()));
  return campaign.figures;
}

/** A process, and how to ask it. */
interface Worker {
  readonly child: ChildProcess;
  ask(scenario: Scenario): Promise<WorkerReply>;
}

class Campaign {
  readonly #options: CampaignOptions;
  readonly #startMs = performance.now();
  readonly #tally: Record<string, number> = {};
  readonly #failures: Failure[] = [];
  #scenarios = 0;

  constructor(options: CampaignOptions) {
    this.#options = options;
  }

  get figures(): CampaignFigures {
    const elapsedMs = performance.now() - this.#startMs;
    return { scenarios: this.#scenarios, elapsedMs, tally: this.#tally, failures: this.#failures };
  }

  /** One process after the other, as long as there is something to do. */
  async work(): Promise<void> {
    let worker: Worker | undefined;
    for (let scenario = this.#next(); scenario !== undefined; scenario = this.#next()) {
      worker ??= startWorker(this.#options.scenarioMsMax);
      const reply = await worker.ask(scenario);
      this.#take(scenario, reply);
      if (reply.kind !== "lost") continue;
      worker.child.kill("SIGKILL");
      worker = undefined;
    }
    if (worker !== undefined) await dismissed(worker.child);
  }

  #next(): Scenario | undefined {
    return this.#failures.length >= this.#options.failuresMax ? undefined : this.#options.next();
  }

  #take(scenario: Scenario, reply: WorkerReply): void {
    this.#scenarios += 1;
    if (reply.kind === "lost") this.#failures.push({ scenario, finding: { checker: LOST, message: `${LOST}: ${reply.reason}` } });
    else {
      for (const [name, count] of Object.entries(reply.tally)) this.#tally[name] = (this.#tally[name] ?? 0) + count;
      if (reply.finding !== undefined) this.#failures.push({ scenario, finding: reply.finding });
    }
    this.#options.onProgress(this.figures);
  }
}

/** The checker of a run that never came to its end. */
export const LOST = "the run came to its end";

function startWorker(scenarioMsMax: number): Worker {
  const child = fork(new URL("./campaign-worker.ts", import.meta.url), { execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] });
  return { child, ask: (scenario) => ask(child, { scenario, scenarioMsMax }) };
}

/** Nobody will ask it any more; it ends by itself. */
function dismissed(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (!child.connected) return resolve();
    child.once("exit", () => resolve());
    child.disconnect();
    return undefined;
  });
}

function ask(child: ChildProcess, of: { readonly scenario: Scenario; readonly scenarioMsMax: number }): Promise<WorkerReply> {
  return new Promise((resolve) => {
    const lose = (reason: string): void => settle({ kind: "lost", reason });
    const onExit = (code: number | null, signal: string | null): void => lose(`its process ended with ${code ?? signal}`);
    const timer = setTimeout(() => lose(`it was not over after ${of.scenarioMsMax / 1_000} s`), of.scenarioMsMax);
    const settle = (reply: WorkerReply): void => {
      clearTimeout(timer);
      child.off("exit", onExit).off("message", settle);
      resolve(reply);
    };
    child.once("exit", onExit).once("message", settle);
    child.send(scenarioText(of.scenario), (error) => error !== null && lose(error.message));
  });
}
