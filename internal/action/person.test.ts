import { expect, test } from "vitest";
import { anAttempt } from "../../test/fakes/attempt-context.ts";
import { ParamType } from "../gen/holdfast/v1/workflow_pb.ts";
import { personAction } from "./person.ts";

const ARGS = { role: "rider", title: "Deliver to Ann", fields: { km: { type: "int", required: true }, note: {} } };

test("a person is awaited with the fields that are to be filled in", async () => {
  const result = await personAction().parse(ARGS).apply(anAttempt(), "");
  if (result.kind !== "awaits") return expect.unreachable("it awaits");
  const { kind } = result.awaited;
  expect(kind).toMatchObject({ case: "person", value: { role: "rider", title: "Deliver to Ann", other: false } });
  expect(kind.case === "person" ? [kind.value.fields["km"]?.type, kind.value.fields["note"]?.type] : []).toEqual([
    ParamType.INT,
    ParamType.STRING,
  ]);
});

test.each([{}, { ...ARGS, role: "Rider" }, { ...ARGS, title: "" }, { ...ARGS, fields: { km: { type: "text" } } }, { ...ARGS, due: "1h" }])(
  "refuses %j",
  (args) => {
    expect(personAction().validate(args, { place: "with", names: [] })).not.toEqual([]);
  },
);
