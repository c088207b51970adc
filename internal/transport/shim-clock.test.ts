import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { encodeOrders } from "./orders.ts";
import { ReplyParser } from "./reply.ts";
import type { Reply } from "./reply.ts";
import { SHIM, SHIM_INNER } from "./shim.ts";

/** A `date` that says an hour less each time it is asked. */
const BACKWARD = `#!/bin/sh
echo x >>"$HOME/asked"
echo "$((2000000000 - 3600 * $(wc -l <"$HOME/asked")))"
`;

test("where the target's clock is set back, what fell silent has still been heard, and the answer can be read", async () => {
  const home = temporaryDirectory();
  writeFileSync(`${home}/date`, BACKWARD, { mode: 0o755 });
  const times = { timeoutMs: 60_000, graceMs: 200, heartbeatMs: 1_800 };
  const rest = { env: {}, cwd: "", stdin: new Uint8Array(), mark: "cancel", ageS: 0, fence: 0, outputBytesMax: 100 } as const;
  const argv = ["sh", "-c", "echo begun; sleep 1; echo on; sleep 300"];
  const orders = encodeOrders({ op: "run", base: `${home}/runs`, run: { taskKey: "c.1", attempt: 1 }, argv, ...times, ...rest });
  const parser = new ReplyParser(100);
  const child = spawn("sh", ["-c", SHIM, "holdfast", SHIM_INNER], {
    stdio: ["pipe", "pipe", "ignore"],
    env: { PATH: `${home}:${process.env["PATH"] ?? ""}`, HOME: home },
  });
  const reply = await new Promise<Reply | undefined>((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      if (parser.push(chunk) === "ready") child.stdin.end(orders);
    });
    child.once("close", () => resolve(parser.reply));
  });
  expect(reply).toMatchObject({ kind: "timed-out", status: 2 });
});
