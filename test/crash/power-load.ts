// The load before a loss of power: clients that submit, execute, cancel, pause, freeze, thaw and make tokens, and note what was acknowledged.
// 1. Each answer bears a text that no answer before it bears, or bears it for the n-th time: by it the answer is found in the service's trace.
// 2. Answers are asked for as plain JSON: what is packed could not be found.

import { randomBytes, randomUUID } from "node:crypto";

/** What was acknowledged, by the text that the answers bear, in the order of these answers: `executed ID`, `frozen f1`, `token NAME`. */
export type Acknowledged = Map<string, string[]>;

/** How much of a load. */
export interface LoadSize {
  /** Names what this load makes: no two loads of a service have the same. */
  readonly name: string;
  readonly small: number;
  /** Workflows of 180 KiB: enough of them fill LevelDB's log, so that a new one is begun under load. */
  readonly large: number;
}

/** Where the service is. */
export interface LoadedService {
  readonly address: string;
  readonly token: string;
}

const CLIENTS = 6;
const LARGE_BYTES = 180 * 1024;
const small = (uses: string, args: Answer): Answer => ({
  name: "small",
  stages: [{ name: "s", actions: [{ name: "a", uses, with: args }] }],
});
const QUICK = small("assert", { that: "true" });
const LONG = small("wait", { for: "20h" });

type Answer = Record<string, unknown>;

/** Puts a load on a service; resolves when all of it was answered. */
export async function putLoad(service: LoadedService, size: LoadSize): Promise<Acknowledged> {
  const load = new Load(service);
  const jobs: (() => Promise<void>)[] = [];
  for (let n = 0; n < size.small; n++) jobs.push(() => load.small(n));
  for (let n = 0; n < size.large; n++) jobs.splice(Math.floor((n * jobs.length) / size.large), 0, () => load.large(n));
  jobs.push(
    () => load.freezes(size.name),
    () => load.tokens(size.name),
  );
  const client = async (): Promise<void> => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) await job();
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return load.acknowledged;
}

class Load {
  readonly acknowledged: Acknowledged = new Map();
  readonly #service: LoadedService;

  constructor(service: LoadedService) {
    this.#service = service;
  }

  /** Is left alone, or given up, or comes to its end, or is stopped while it runs. */
  async small(n: number): Promise<void> {
    const isLong = n % 4 === 3;
    const id = await this.#submit(isLong ? LONG : QUICK);
    if (n % 4 === 1) return;
    if (n % 4 === 2) return this.#ask(id, "Cancel", { reason: "not needed" }, "cancelled");
    await this.#ask(id, "Exec", {}, "executed");
    if (isLong) await this.#ask(id, "Pause", { reason: "not yet" }, "paused");
    else await this.#ask(id, "Exec", { wait: true }, "ended");
  }

  async large(n: number): Promise<void> {
    const content = randomBytes(LARGE_BYTES / 2).toString("hex");
    const file = { name: "a", uses: "file", with: { path: `large-${n}`, content } };
    const stages = [{ name: "s", over: { targets: true }, actions: [file] }];
    const id = await this.#submit({ name: "large", targets: { names: ["host-00"] }, stages });
    if (n % 6 === 0) await this.#ask(id, "Exec", {}, "executed");
  }

  /** The second freeze is still named when the first one is lifted. */
  async freezes(name: string): Promise<void> {
    const ids: string[] = [];
    const texts = ["first", "second"].map((nth) => `${nth}-freeze-of-${name}`);
    for (const reason of texts) {
      const scope = { namespace: reason };
      const { id } = await this.#post("Guard", "Freeze", { scope, reason });
      ids.push(String(id));
      this.#note(reason, `frozen ${String(id)}`);
    }
    // The first one's text was in the second answer too, and is not in the third.
    await this.#post("Guard", "Thaw", { id: ids[0] });
    this.#note(texts[1] ?? "", `thawed ${ids[0]}`);
  }

  async tokens(name: string): Promise<void> {
    for (const nth of ["first", "second", "third"]) {
      const token = `${nth}-token-of-${name}`;
      await this.#post("Token", "CreateToken", { name: token, roles: ["viewer"] });
      this.#note(token, `token ${token}`);
    }
  }

  async #submit(definition: unknown): Promise<string> {
    const answer = await this.#post("Workflow", "Submit", { requestId: randomUUID(), definition });
    const id = String(answer["id"]);
    this.#note(id, `submitted ${id}`);
    return id;
  }

  async #ask(id: string, method: string, more: Answer, fact: string): Promise<void> {
    await this.#post("Workflow", method, { workflow: { id }, ...more });
    this.#note(id, `${fact} ${id}`);
  }

  #note(text: string, fact: string): void {
    const facts = this.acknowledged.get(text) ?? [];
    facts.push(fact);
    this.acknowledged.set(text, facts);
  }

  async #post(kind: string, method: string, body: unknown): Promise<Answer> {
    const { address, token } = this.#service;
    const response = await fetch(`${address}/holdfast.v1.${kind}Service/${method}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json", "accept-encoding": "identity" },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} was answered ${response.status}: ${text}`);
    const answer: Answer = JSON.parse(text);
    return answer;
  }
}
