// `person`: awaits a person who has a role: to do something and say so, to approve, or to refuse. Nothing of it runs meanwhile.
// 1. Who may say it, and what is filled in, is judged when it is said (workflow/person.ts).

import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { PreparedAction } from "../engine/ports.ts";
import { AwaitedSchema, Effects } from "../gen/holdfast/v1/event_pb.ts";
import type { ParamSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import { ParamType } from "../gen/holdfast/v1/workflow_pb.ts";
import type { ArgSchema, ArgsOf } from "./arg-schema.ts";
import { defineAction } from "./definition.ts";
import type { DocumentedAction } from "./definition.ts";

const TYPES: ReadonlyMap<string, ParamType> = new Map<string, ParamType>([
  ["string", ParamType.STRING],
  ["int", ParamType.INT],
  ["number", ParamType.NUMBER],
  ["bool", ParamType.BOOL],
  ["list", ParamType.LIST],
  ["object", ParamType.OBJECT],
]);

const SCHEMA = {
  role: {
    type: "string",
    required: true,
    pattern: "^[a-z][a-z0-9_-]{0,63}$",
    patternMeaning: "the name of a role: lower-case letters, digits, _ and -",
    description: "Who may say it: principals with the role `approver:ROLE`.",
  },
  title: { type: "string", required: true, min: 1, max: 256, description: "What is to be done, in one line." },
  text: { type: "string", default: "", max: 4_096, description: "The same at length, for who does it." },
  fields: {
    type: "object",
    max: 64,
    values: {
      type: "object",
      description: "A field.",
      fields: {
        type: { type: "string", default: "string", allowed: [...TYPES.keys()], description: "Its type." },
        required: { type: "bool", default: false, description: "Whether it must be filled in." },
        description: { type: "string", default: "", max: 1_024, description: "What it means." },
      },
    },
    description: "What is to be filled in: fields by name, each `{ type, required, description }` as a parameter.",
  },
  other: { type: "bool", default: false, description: "True: not whoever submitted the workflow." },
} as const satisfies ArgSchema;

/** The `person` action. */
export function personAction(): DocumentedAction {
  return defineAction({ uses: "person", effects: Effects.NONE, schema: SCHEMA, prepare: preparePerson });
}

function preparePerson({ role, title, text, fields = {}, other }: ArgsOf<typeof SCHEMA>): PreparedAction {
  const declared = Object.fromEntries(
    Object.entries(fields).map(([name, field]): [string, MessageInitShape<typeof ParamSchema>] => [
      name,
      { type: TYPES.get(field.type) ?? ParamType.STRING, required: field.required, description: field.description },
    ]),
  );
  const awaited = create(AwaitedSchema, { kind: { case: "person", value: { role, title, text, fields: declared, other } } });
  return {
    effects: Effects.NONE,
    isAtomic: true,
    isSensitive: false,
    check: async () => ({ kind: "unknowable" }),
    apply: async () => ({ kind: "awaits", awaited }),
  };
}
