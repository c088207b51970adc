// The handshake of `http` killed at each of its steps: prepare, the ID on disk, commit, its record. However often: one order is carried out.

import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { Scene } from "./scene.ts";

/** The other service: prepares orders, and carries each out once however often it is committed. */
const orders = new Map<string, { commits: number }>();
let other: Server;
let origin: string;

beforeAll(async () => {
  other = createServer(answer);
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const address = other.address();
  origin = typeof address === "object" && address !== null ? `http://127.0.0.1:${address.port}` : "";
});

afterAll(() => {
  other.closeAllConnections();
  other.close();
});

beforeEach(() => orders.clear());

function answer(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  const [, , id = "", verb = ""] = (request.url ?? "").split("/");
  if (request.method === "POST" && id === "") {
    const made = `order-${orders.size + 1}`;
    orders.set(made, { commits: 0 });
    return reply(response, { id: made });
  }
  const order = orders.get(id);
  if (order === undefined) return reply(response, { error: "no such order" }, 404);
  if (request.method === "POST" && verb === "commit") order.commits += 1;
  return reply(response, { state: order.commits > 0 ? "done" : "prepared" });
}

function reply(response: ServerResponse, body: object, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function workflow(withStatus: boolean): string {
  const status = withStatus ? `, status: { url: "${origin}/orders/{remote_id}", expect: "body.state == 'done'" }` : "";
  const args = `{ prepare: { url: "${origin}/orders", id: body.id }, commit: { url: "${origin}/orders/{remote_id}/commit" }${status} }`;
  return `name: w\nstages:\n  - { name: s, actions: [{ name: order, uses: http, with: ${args} }] }\n`;
}

const APPENDS_MAX = 50;

for (const withStatus of [true, false]) {
  for (const when of ["before", "after"] as const) {
    test(
      `a handshake ${withStatus ? "with" : "without"} status, killed ${when} each append, carries out one order`,
      { timeout: 300_000 },
      async () => {
        let kills = 0;
        while (kills < APPENDS_MAX && (await survives({ nth: kills + 1, when, withStatus }))) kills += 1;
        expect(kills).toBeGreaterThanOrEqual(4);
      },
    );
  }
}

interface Kill {
  readonly nth: number;
  readonly when: "before" | "after";
  readonly withStatus: boolean;
}

/** False: the workflow ended before the n-th append. */
async function survives({ nth, when, withStatus }: Kill): Promise<boolean> {
  orders.clear();
  const scene = new Scene(1);
  try {
    const file = scene.write("w.yaml", workflow(withStatus));
    await scene.start({ HOLDFAST_CRASH_APPEND: String(nth), HOLDFAST_CRASH_WHEN: when });
    const first = await scene.client("run", file, "--give-up-after", "200ms");
    if (first.code !== 0) {
      await scene.daemon.ended();
      await scene.start();
      const resumed = await scene.client("resume");
      expect(resumed.code, `${nth} ${when}: ${resumed.stdout}${resumed.stderr}`).toBe(0);
    }
    const [done] = await scene.list();
    expect(done).toMatchObject({ phase: "SUCCEEDED", counts: { changed: 1 } });
    const committed = [...orders.values()].filter((order) => order.commits > 0);
    expect(committed, `${nth} ${when}`).toHaveLength(1);
    return first.code !== 0;
  } finally {
    await scene.remove();
  }
}
