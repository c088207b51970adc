import { expect, onTestFinished, test } from "vitest";
import { startApi } from "../../test/fakes/api-server.ts";
import { CliDesk } from "../../test/fakes/cli-world.ts";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import type { TokenAnswer } from "../../internal/engine/face.ts";

const TOKEN = `hfc1.${"x".repeat(54)}`;

test("a completion token stands alone: complete and fail say by it how the work came out, without a principal's token", async () => {
  const said: [string, TokenAnswer][] = [];
  const api = await startApi({ engine: { completeByToken: async (token, answer) => void said.push([token, answer]) } });
  onTestFinished(() => api.stop());
  const desk = new CliDesk({ HOLDFAST_ADDR: api.address, HOLDFAST_TOKEN: undefined }, temporaryDirectory());
  expect(await desk.run(["complete", TOKEN, "--data", '{"a":1}'])).toMatchObject({ code: 0, stdout: "it is on the service's disk\n" });
  expect(await desk.run(["fail", TOKEN, "--reason", "no road", "-o", "json"])).toMatchObject({ code: 0 });
  expect(said.map(([, answer]) => answer)).toEqual([
    { failed: false, reason: "", data: { a: 1 } },
    { failed: true, reason: "no road", data: {} },
  ]);
  const alone = await desk.run(["complete", "some-workflow"]);
  expect(alone.code).not.toBe(0);
  expect(alone.stderr).toContain("only a completion token stands alone");
});
