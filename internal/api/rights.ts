// Which role a call needs: the one table. docs/security.md shows it, and a test walks every service by it.
// 1. `admin` suffices for every call. A method that is not here cannot be served: createRoutes refuses to start.
// 2. What a call reaches says how a token that is bound to namespaces is held to them; see access-guard.ts.

/** The kinds of roles; `approver` is `approver:ROLE`, with any ROLE. */
export type RoleKind = "viewer" | "submitter" | "approver" | "operator" | "admin";

/**
 * What a call is about: one workflow that exists, one that is submitted, a list of one namespace, a freeze, the whole service (not for tokens
 * that are bound to namespaces), or nothing of anybody's.
 */
export type Reach = "workflow" | "submission" | "list" | "freeze" | "service" | "nothing";

/** What a call needs. */
export interface Right {
  /** Any of these suffices. */
  readonly roles: readonly RoleKind[];
  /** Any of these suffices toward workflows that the caller submitted itself. */
  readonly ownRoles: readonly RoleKind[];
  readonly reach: Reach;
}

const ANYBODY: readonly RoleKind[] = ["viewer", "submitter", "approver", "operator", "admin"];
const right = (reach: Reach, roles: readonly RoleKind[], ownRoles: readonly RoleKind[] = []): Right => ({ reach, roles, ownRoles });

const WORKFLOWS: readonly (readonly [method: string, Right])[] = [
  ["Submit", right("submission", ["submitter", "admin"])],
  ["Plan", right("submission", ["submitter", "admin"])],
  ["Exec", right("workflow", ["admin"], ["submitter"])],
  ["Status", right("workflow", ANYBODY)],
  ["Watch", right("workflow", ANYBODY)],
  ["ListTasks", right("workflow", ANYBODY)],
  ["ListWorkflows", right("list", ANYBODY)],
  ["GetHistory", right("workflow", ANYBODY)],
  ["Why", right("workflow", ANYBODY)],
  ["GetApproval", right("workflow", ANYBODY)],
  ["Approve", right("workflow", ["approver", "admin"])],
  ["Cancel", right("workflow", ["operator", "admin"], ["submitter"])],
  ["Pause", right("workflow", ["operator", "admin"], ["submitter"])],
  ["Unpause", right("workflow", ["operator", "admin"], ["submitter"])],
  ["Retry", right("workflow", ["operator", "admin"], ["submitter"])],
  ["ResolveTask", right("workflow", ["operator", "admin"])],
];

const GUARD: readonly (readonly [method: string, Right])[] = [
  ["Freeze", right("freeze", ["operator", "admin"])],
  ["Thaw", right("freeze", ["operator", "admin"])],
  ["GetFreezes", right("service", ANYBODY)],
  ["ListLocks", right("service", ANYBODY)],
  ["ListLimits", right("service", ANYBODY)],
];

const POLICIES: readonly (readonly [method: string, Right])[] = [
  ["ListPolicies", right("nothing", ANYBODY)],
  ["Explain", right("submission", ANYBODY)],
  ["Replay", right("service", ANYBODY)],
];

const JOURNAL: readonly (readonly [method: string, Right])[] = [
  ["VerifyJournal", right("service", ["admin"])],
  ["DumpJournal", right("service", ["admin"])],
  ["BackupJournal", right("service", ["admin"])],
];

const TOKENS: readonly (readonly [method: string, Right])[] = [
  ["CreateToken", right("service", ["admin"])],
  ["ListTokens", right("service", ["admin"])],
  ["RevokeToken", right("service", ["admin"])],
];

const SINKS: readonly (readonly [method: string, Right])[] = [
  ["ListSinks", right("service", ANYBODY)],
  ["TestSink", right("service", ["operator", "admin"])],
];

const SERVICES: Readonly<Record<string, readonly (readonly [method: string, Right])[]>> = {
  WorkflowService: WORKFLOWS,
  GuardService: GUARD,
  PolicyService: POLICIES,
  JournalService: JOURNAL,
  TokenService: TOKENS,
  SinkService: SINKS,
};

/** The right of each call, by `PACKAGE.SERVICE/METHOD`. */
export const RIGHTS: ReadonlyMap<string, Right> = new Map(
  Object.entries(SERVICES).flatMap(([service, rows]) =>
    rows.map(([method, needed]): [string, Right] => [`holdfast.v1.${service}/${method}`, needed]),
  ),
);

/** The kind of a role as tokens bear it: `approver:sre` is an `approver`. Undefined for what is no role. */
export function roleKind(role: string): RoleKind | undefined {
  switch (role) {
    case "viewer":
    case "submitter":
    case "operator":
    case "admin":
      return role;
    default:
      return role.startsWith("approver:") ? "approver" : undefined;
  }
}

/** True when one of the roles is of a kind that suffices. */
export function hasRole(roles: readonly string[], kinds: readonly RoleKind[]): boolean {
  return roles.some((role) => {
    const kind = roleKind(role);
    return kind !== undefined && kinds.includes(kind);
  });
}

/** The kinds as people read them, such as `submitter, admin`. */
export function kindNames(kinds: readonly RoleKind[]): string {
  return kinds.map((kind) => (kind === "approver" ? "approver:ROLE" : kind)).join(", ");
}
