// A plain list of hosts: one a line, reached over ssh by that name; `#` begins a comment. This parser knows no other syntax.
// 1. Every line that is wrong is named, by number and column.

import { create } from "@bufbuild/protobuf";
import type { ErrorDetail } from "../base/errors.ts";
import { TARGETS_MAX } from "../base/limits.ts";
import { TargetSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import type { FoundTarget, Reading } from "./reading.ts";
import { nameFault } from "./target-fields.ts";

/** The targets of a list; `file` is its name in messages. */
export function parsePlainList(text: string, file: string): Reading {
  const targets: FoundTarget[] = [];
  const faults: ErrorDetail[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const name = line.replace(/(^|\s)#.*$/u, "").trim();
    if (name === "") continue;
    const place = `${file}:${index + 1}:${line.indexOf(name) + 1}`;
    const fault = nameFault(name);
    if (fault !== undefined) faults.push({ place, reason: `${fault} (a plain list has one host name a line)` });
    else {
      const target = create(TargetSchema, { name, connection: { kind: { case: "ssh", value: { host: name } } } });
      targets.push({ target, place: () => place });
    }
  }
  if (targets.length > TARGETS_MAX) {
    faults.push({ place: file, reason: `an inventory has at most ${TARGETS_MAX} targets; found ${targets.length}` });
  }
  return { targets, faults, warnings: [] };
}
