// Faults of a workflow that the service found, told with line and column of the file that the workflow came from.
// 1. The code and every reason stay as the service said them; a place that is not in the file (a flag's) stays as it is.

import { HoldfastError } from "../base/errors.ts";
import type { ErrorDetail } from "../base/errors.ts";
import { detailText, placeName, positionIn } from "../base/place.ts";
import type { TextPosition } from "../base/place.ts";
import type { FileFaults } from "./file-cursor.ts";

/** Roots of places that are in the file. Parameters' values, keys and annotations of a request come from flags. */
const IN_FILE = /^(?:definition\.)?((?:name|description|targets|stages|output|on_success|on_failure|always)(?![a-z_]).*)$/s;
const LED_BY_PLACE = /^((?:targets|stages|output|on_success|on_failure|always)(?:\.[a-z_]+|\[\d+\])*(?::\d+:\d+)?): ([^\n]*)/;
const TEXT_POSITION = /(?::\d+){1,2}$/;
const KEY_IS_MEANT = /^unknown /;

/** The error with its places in the file; the error itself when none of it is about the file. */
export function placedInFile(error: HoldfastError, faults: FileFaults): HoldfastError {
  const details = error.details.length > 0 ? error.details : ledByPlace(error.message);
  if (!details.some(({ place }) => IN_FILE.test(place))) return error;
  const placed = details.map((detail) => placedDetail(detail, faults));
  const lines = placed.map((detail) => (detail.place === "" ? detail.reason : detailText(detail)));
  return new HoldfastError(error.code, lines.join("\n"), { details: placed, cause: error });
}

/** Where in the file a place inside a text is: exact but for escapes and folded lines. */
export function positionWithin(faults: FileFaults, path: string, detail: ErrorDetail): TextPosition {
  const start = faults.file.near(path);
  const inText = positionIn(detail.place);
  if (inText === undefined) return start;
  const { line, column } = inText;
  const opening = faults.line(start.line)[start.column - 1] ?? "";
  if (opening === "|" || opening === ">") {
    return { line: start.line + line, column: faults.line(start.line + 1).search(/\S|$/) + column };
  }
  if (line !== 1) return start;
  return { line: start.line, column: start.column + column - 1 + (opening === "'" || opening === '"' ? 1 : 0) };
}

function placedDetail(detail: ErrorDetail, faults: FileFaults): ErrorDetail {
  const inFile = IN_FILE.exec(detail.place)?.[1];
  if (inFile === undefined) return detail;
  const path = writtenPath(inFile.replace(TEXT_POSITION, ""), faults);
  // What is not in the file itself is in a file that `source` named: then the place inside that text says more.
  const isHere = faults.file.at(path) !== undefined;
  const key = KEY_IS_MEANT.test(detail.reason) ? faults.file.keyAt(path) : undefined;
  const position = key ?? (isHere ? positionWithin(faults, path, { ...detail, place: inFile }) : faults.file.near(path));
  return { place: placeName(faults.file.file, position), reason: `${isHere ? path : inFile}: ${detail.reason}` };
}

/** A stage's `locks` are written `lock`: a key, or a list of them. */
function writtenPath(path: string, { file }: FileFaults): string {
  const listed = path.replace(/^(stages\[\d+\]\.)locks(?=\[|$)/, "$1lock");
  return file.at(listed) === undefined ? listed.replace(/\.lock\[\d+\]$/, ".lock") : listed;
}

/** Some errors say their one place at the beginning of the message only. */
function ledByPlace(message: string): readonly ErrorDetail[] {
  const [, place, reason] = LED_BY_PLACE.exec(message) ?? [];
  return place === undefined || reason === undefined ? [] : [{ place, reason }];
}
