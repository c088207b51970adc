// Stands for the shop's other systems: node examples/deliver-pizza/shop.mjs [PORT] prints each change of an order as a business event.
// A change is told at least once, and always with the same ID: one whose ID was seen before is passed over.

import { createServer } from "node:http";

const [port = "7591"] = process.argv.slice(2);
const seen = new Set();

/** The kinds of changes, in the shop's words. */
const WORDS = {
  workflowSubmitted: () => "ordered",
  workflowRetried: ({ reason }) => `once more: ${reason}`,
  stageStarted: () => "begins",
  stageEnded: () => "is over",
  signalReceived: ({ name, data }) => `customer says ${name}: ${JSON.stringify(data)}`,
  attemptEnded: ({ outcome, error }) => [outcome.replace("ATTEMPT_OUTCOME_", "").toLowerCase(), error].filter(Boolean).join(": "),
  workflowEnded: ({ outcome }) => outcome.replace("WORKFLOW_OUTCOME_", "").toLowerCase(),
};

const server = createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => (body += chunk));
  request.on("end", () => {
    const { id, kind, workflow, stage, action, by, event } = JSON.parse(body);
    const place = [stage, action].filter(Boolean).join("/");
    const line = [workflow?.key, place, WORDS[kind]?.(event) ?? kind, by && `by ${by}`].filter(Boolean).join(" ");
    if (!seen.has(id)) console.log(event.set?.status === undefined ? line : `${line}; the customer is told: ${event.set.status}`);
    seen.add(id);
    response.writeHead(204).end();
  });
});
server.listen(Number(port), "127.0.0.1", () => console.log(`the shop listens at http://127.0.0.1:${server.address().port}/changes`));
