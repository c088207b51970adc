// Paths at a target, as arguments name them, and where they lie. Under a `local` root a path is inside the root.
// 1. No path holds `..`, a control character or an empty name; links are the scripts' matter (host-script.ts).

import type { Target } from "../gen/holdfast/v1/workflow_pb.ts";
import type { Failure } from "../engine/ports.ts";

/** Where a path lies: below `root` (empty: the host's own), its directories without slashes at the ends, its last name. */
export interface TargetPlace {
  readonly root: string;
  readonly directory: string;
  readonly name: string;
}

/** Why a path is refused as an argument, or undefined. */
export function pathFault(path: string): string | undefined {
  if (path === "") return "must not be empty";
  if (path.length > PATH_LENGTH_MAX) return `must be at most ${PATH_LENGTH_MAX} characters long`;
  // oxlint-disable-next-line no-control-regex -- control characters are exactly what is refused
  if (/[\u0000-\u001f\u007f]/.test(path)) return "must not hold control characters";
  const names = path.split("/");
  if (names.includes("..")) return 'must not hold ".."; write the path that is meant';
  if (names.some((name) => name.length > 255)) return "must not hold a name of more than 255 characters";
  return undefined;
}

/** The same for a file or a directory that is changed: the root itself is refused. */
export function ownPathFault(path: string): string | undefined {
  return pathFault(path) ?? (namesOf(path).length === 0 ? "must name something below /" : undefined);
}

/** Where the path lies at a target; a failure when it is relative and the target has no root. */
export function placeOf(target: Target | undefined, path: string): TargetPlace | Failure {
  const root = rootOf(target);
  if (!path.startsWith("/") && root === "") {
    return { kind: "failed", message: "the path is relative, and the target has no root; write it from /", isRetryable: false };
  }
  const names = namesOf(path);
  return { root, directory: names.slice(0, -1).join("/"), name: names.at(-1) ?? "" };
}

/** The root of a target: a directory that stands for the host, or empty. */
export function rootOf(target: Target | undefined): string {
  const kind = target?.connection?.kind;
  return kind?.case === "local" ? kind.value.root : "";
}

/** The path as the target's own kernel sees it, lexically: ROOT/etc/x for /etc/x. */
export function hostPath(target: Target | undefined, path: string): string {
  const root = rootOf(target).replace(/\/+$/, "");
  const rest = namesOf(path).join("/");
  if (root === "") return path.startsWith("/") ? `/${rest}` : path;
  return rest === "" ? root : `${root}/${rest}`;
}

const PATH_LENGTH_MAX = 4_096;

function namesOf(path: string): readonly string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}
