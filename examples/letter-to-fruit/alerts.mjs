// Whoever is on call, for the example: node examples/letter-to-fruit/alerts.mjs [PORT] prints the sentence of each alert.
// An alert comes at least once: one whose ID was seen before is passed over.

import { createServer } from "node:http";

const [port = "7590"] = process.argv.slice(2);
const seen = new Set();

const server = createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => (body += chunk));
  request.on("end", () => {
    const { id, text } = JSON.parse(body);
    if (!seen.has(id)) console.log(text);
    seen.add(id);
    response.writeHead(204).end();
  });
});
server.listen(Number(port), "127.0.0.1", () => console.log(`alerts at http://127.0.0.1:${server.address().port}/alerts`));
