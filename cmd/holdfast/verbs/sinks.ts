// sinks: where events are delivered, how far each sink is, and what keeps it.
// 1. One line a sink; what keeps it stands on the line below.

import { create } from "@bufbuild/protobuf";
import { HoldfastError } from "../../../internal/base/errors.ts";
import type { SinkInfo } from "../../../internal/gen/holdfast/v1/sink_service_pb.ts";
import { SinkInfoSchema, TestSinkResponseSchema } from "../../../internal/gen/holdfast/v1/sink_service_pb.ts";
import type { Context } from "../context.ts";
import { EXIT_DONE, EXIT_FAILED } from "../exit-code.ts";
import type { Options } from "../options.ts";
import { flag } from "../options.ts";
import { timeText } from "../status-text.ts";

/** sinks [NAME] [--test] */
export async function sinks(context: Context, [name = ""]: readonly string[], options: Options): Promise<number> {
  if (flag(options, "test")) return testSink(context, name);
  const answer = await (await context.client()).listSinks({}, context.world.interrupted);
  const shown = answer.sinks.filter((sink) => name === "" || sink.name === name);
  for (const sink of shown) {
    if (context.out.isJson) await context.out.message(SinkInfoSchema, sink);
    else for (const line of sinkLines(sink)) context.out.line(line);
  }
  if (answer.fault !== "") context.out.talk(`the file of sinks cannot be used, the last good one is in use:\n${answer.fault}`);
  if (name !== "" && shown.length === 0) throw new HoldfastError("NOT_FOUND", `there is no sink "${name}"; "holdfast sinks" lists them`);
  if (answer.sinks.length === 0) context.out.talk("there are no sinks; give holdfastd a file of them with --sinks, see docs/sinks.md");
  return EXIT_DONE;
}

async function testSink(context: Context, name: string): Promise<number> {
  if (name === "") throw new HoldfastError("INVALID_ARGUMENT", '--test needs the name of a sink; "holdfast sinks" lists them');
  const { error } = await (await context.client()).testSink({ name }, context.world.interrupted);
  if (context.out.isJson) await context.out.message(TestSinkResponseSchema, create(TestSinkResponseSchema, { error }));
  else context.out.line(error === "" ? `${name} took a test event` : `${name} did not take a test event: ${error}`);
  return error === "" ? EXIT_DONE : EXIT_FAILED;
}

function sinkLines({
  name,
  to,
  behind,
  delivered,
  deliveredAt,
  waiting,
  failingSince,
  tries,
  nextTryAt,
  error,
  notice,
}: SinkInfo): readonly string[] {
  const last = deliveredAt === undefined ? "" : `, the last one at ${timeText(deliveredAt)}`;
  const lag = behind === 0n ? "up to date" : `${behind} batches behind`;
  const lines = [[name, to, lag, `delivered ${delivered}${last}`].join("  ")];
  if (failingSince !== undefined) {
    const what = waiting === "" ? "cannot go on" : `cannot deliver ${waiting}`;
    const next = nextTryAt === undefined ? "" : `, the next one at ${timeText(nextTryAt)}`;
    lines.push(`  ${what} since ${timeText(failingSince)}, ${tries} tries${next}: ${error}`);
  }
  if (notice !== "") lines.push(`  ${notice}`);
  return lines;
}
