// Stands for a network of five route providers: node examples/packet-routing/providers.mjs [PORT] [seed=N] [slowest=MS] [plan=FILE]
// GET /routes says which providers lead to a destination, the best first. POST /providers/NAME/send takes a packet, answers 202 at once, and
// acknowledges it later, by a call to whoever sent it, with the token that came with the packet. One call in ten meets a network error, one
// acknowledgement in ten never comes, the others take up to 15 s. A plan says instead, call by call, what happens: see packet-routing.test.ts.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const PROVIDERS = ["ams", "fra", "gva", "lhr", "nyc"];
const AGAIN_MS = 300;
const TRIES_MAX = 200;

const words = process.argv.slice(2);
const port = words.find((word) => /^\d+$/.test(word)) ?? "7592";
const {
  seed = String(Math.floor(Math.random() * 1e9)),
  slowest = "15000",
  plan,
} = Object.fromEntries(words.map((word) => word.split("=")));
const { routes = [], sends = [] } = plan === undefined ? {} : JSON.parse(readFileSync(plan, "utf8"));
const acknowledged = new Map();
let state = Number(seed);

/** Uniform in [0, 1), from the seed (mulberry32). */
function chance() {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}

/** What happens to a question for a route: `{ cut: true }`, or the providers. */
function nextRoute() {
  const planned = routes.shift();
  if (planned !== undefined) return planned;
  const isCut = chance() < 0.1;
  const shuffled = PROVIDERS.map((name) => [chance(), name]).toSorted(([left], [right]) => left - right);
  return isCut ? { cut: true } : { providers: shuffled.map(([, name]) => name) };
}

/** What happens to a packet: `cut`: the sender gets no answer; `hang`: nor does it hear that; `refuse`; `ackMs`: acknowledged so much later. */
function nextSend() {
  const planned = sends.shift();
  if (planned !== undefined) return planned;
  const [error, lost, delay] = [chance(), chance(), chance()];
  return { cut: error < 0.1, ...(lost < 0.1 ? {} : { ackMs: Math.floor(delay * Number(slowest)) }) };
}

/** Tells whoever sent the packet, again and again until there is an answer: it may be down for a moment. */
async function tell({ to, token }, method, said, about, tries = 1) {
  try {
    const answer = await fetch(`${to}/holdfast.v1.CompletionService/${method}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token, ...said }),
    });
    const text = await answer.text();
    if (answer.status < 500 && answer.status !== 429) return console.log(`${about}: ${answer.status} ${messageOf(text)}`);
  } catch {
    // nobody listens there now
  }
  if (tries < TRIES_MAX) setTimeout(() => void tell({ to, token }, method, said, about, tries + 1), AGAIN_MS);
  return undefined;
}

function messageOf(text) {
  const { code, message } = JSON.parse(text);
  return code === undefined ? "taken" : `${code}: ${message}`;
}

function send(name, { packet, answer }, response) {
  const { cut, hang, refuse, ackMs } = nextSend();
  const key = `${name} ${packet.id}`;
  console.log(`${name} takes packet ${packet.id}${cut || hang ? ", and its answer is lost" : ""}`);
  if (refuse !== undefined) void tell(answer, "FailByToken", { reason: `${name}: ${refuse}` }, `${name} refuses ${packet.id}`);
  if (ackMs !== undefined) {
    const hops = acknowledged.get(key) ?? 1 + Math.floor(chance() * packet.ttl);
    acknowledged.set(key, hops);
    setTimeout(() => void tell(answer, "CompleteByToken", { data: { by: name, hops } }, `${name} acknowledges ${packet.id}`), ackMs);
  }
  if (hang) return;
  if (cut) response.destroy();
  else response.writeHead(202, { "content-type": "application/json" }).end(JSON.stringify({ queued: true }));
}

const server = createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => (body += chunk));
  request.on("end", () => {
    const [, name] = /^\/providers\/([a-z]+)\/send$/.exec(request.url) ?? [];
    if (request.method === "POST" && PROVIDERS.includes(name)) return send(name, JSON.parse(body), response);
    if (!request.url.startsWith("/routes")) return response.writeHead(404).end();
    const { cut, providers } = nextRoute();
    console.log(cut ? "the network loses a question for a route" : `a route: ${providers.join(", ")}`);
    if (cut) return response.destroy();
    return response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ providers }));
  });
});
server.listen(Number(port), "127.0.0.1", () => console.log(`five providers listen at http://127.0.0.1:${server.address().port}`));
