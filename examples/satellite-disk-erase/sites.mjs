// A site database for the example: node examples/satellite-disk-erase/sites.mjs DIR [PORT]
// GET /v1/SITE answers with the site's entry in DIR/sites.json, read anew each time, so that an edit counts at once.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

const [dir = ".", port = "7580"] = process.argv.slice(2);

const server = createServer((request, response) => {
  const site = /^\/v1\/([\w-]+)$/.exec(request.url ?? "")?.[1];
  const sites = JSON.parse(readFileSync(join(dir, "sites.json"), "utf8"));
  const found = site !== undefined && Object.hasOwn(sites, site) ? sites[site] : undefined;
  response.writeHead(found === undefined ? 404 : 200, { "content-type": "application/json" });
  response.end(JSON.stringify(found ?? { error: "no such site" }));
});
server.listen(Number(port), "127.0.0.1", () => console.log(`site database at http://127.0.0.1:${server.address().port}/v1/`));
