// The contract of actions that change something at a target: one suite, run by every such action.
// 1. A check changes nothing. 2. After an apply the check says converged. 3. A second apply changes no byte.
// 4. An apply that dies at any of its steps leaves, when the action is atomic, the state before or the state after and nothing between;
//    and in any case a further apply brings the wanted state.

import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { HoldfastError } from "../../internal/base/errors.ts";
import type { Action, AttemptContext, PreparedAction, Transport } from "../../internal/engine/ports.ts";
import { aLocalTarget, anAttempt } from "../fakes/attempt-context.ts";
import { createTestTransport } from "../fakes/local-transport.ts";
import type { TestTransport } from "../fakes/local-transport.ts";
import { createRealTransport } from "../fakes/real-transport.ts";
import { temporaryDirectory } from "../fakes/temp-directory.ts";

/** What the suite needs to know of an action. */
export interface ActionCase {
  readonly name: string;
  readonly action: (transport: Transport) => Action;
  /** Rendered arguments of a change. */
  readonly with: JsonObject;
  /** Arguments that must be refused, with a part of the message for each. */
  readonly refused: readonly (readonly [args: JsonObject, message: RegExp])[];
  /** Makes the state before the change in an empty root. */
  readonly before?: (root: string) => void;
}

/** The programs at which a test lets an apply die. */
const PROGRAMS = ["cat", "chmod", "chown", "mkdir", "mv", "rm", "rmdir", "sha256sum", "stat", "sync", "touch"];
const STEPS_MAX = 60;

/** The service's own transport, and one that lets a test end programs where it likes. */
const TRANSPORTS: readonly { readonly name: string; readonly make: () => Transport }[] = [
  { name: "the service's transport", make: createRealTransport },
  { name: "a transport of tests", make: createTestTransport },
];

/** Declares the tests of the contract for one action. */
export function actionContract(subject: ActionCase): void {
  describe(`${subject.name} keeps the contract of actions`, () => {
    describe.each(TRANSPORTS)("over $name", ({ make }) => {
      test("a check says different, twice the same, and changes nothing", async () => {
        const { prepared, context, root } = start(subject, make());
        const before = snapshot(root);
        const first = await prepared.check(context);
        expect(first).toMatchObject({ kind: "different", checksum: expect.stringMatching(/./), diff: expect.stringMatching(/./) });
        expect(await prepared.check(context)).toEqual(first);
        expect(snapshot(root)).toBe(before);
      });

      test("an apply brings what the check then finds, and a second apply changes no byte", async () => {
        const { prepared, context, root } = start(subject, make());
        const before = snapshot(root);
        expect(await applyOnce(prepared, context)).toMatchObject({ kind: "applied" });
        const after = snapshot(root);
        expect(after).not.toBe(before);
        expect(await prepared.check(context)).toMatchObject({ kind: "converged" });
        await prepared.apply({ ...context, attempt: 2 }, "");
        expect(snapshot(root)).toBe(after);
        expect(await prepared.check(context)).toMatchObject({ kind: "converged" });
      });

      test("a look finds an apply that ended, and nothing where none began", async () => {
        const { prepared, context } = start(subject, make());
        expect(await prepared.look?.(context)).toMatchObject({ kind: "absent" });
        await applyOnce(prepared, context);
        expect(await prepared.look?.(context)).toMatchObject({ kind: "applied" });
      });
    });

    test("an apply that dies at any of its steps leaves nothing half done when atomic, and is made good by the next", async () => {
      const reference = start(subject, createTestTransport());
      const before = snapshot(reference.root);
      await applyOnce(reference.prepared, reference.context);
      const after = snapshot(reference.root);
      let step = 1;
      for (; step <= STEPS_MAX; step++) {
        const transport = createTestTransport();
        const { prepared, context, root } = start(subject, transport);
        const wasKilled = await applyDying(prepared, context, { transport, step });
        const left = snapshot(root, { isIgnored: (path) => path.includes(".holdfast.") });
        if (prepared.isAtomic) expect([before, after]).toContain(left);
        expect(await applyOnce(prepared, { ...context, attempt: 2 })).toMatchObject({ kind: "applied" });
        expect(snapshot(root)).toBe(after);
        if (!wasKilled) break;
      }
      expect(step).toBeGreaterThan(1);
      expect(step).toBeLessThan(STEPS_MAX);
    });

    test.each(subject.refused.map(([args, message]) => ({ args, message })))(
      "refuses $args at submit and at dispatch",
      ({ args, message }) => {
        const action = subject.action(createTestTransport());
        const faults = action.validate(args, { place: "with", names: [] });
        expect(faults.map(({ place, reason }) => `${place}: ${reason}`).join("\n")).toMatch(message);
        expect(() => action.parse(args)).toThrow(HoldfastError);
      },
    );

    test("an argument that is unknown is refused with the one that is meant", () => {
      const action = subject.action(createTestTransport());
      const [known = ""] = Object.keys(subject.with);
      const faults = action.validate({ ...subject.with, [`${known}x`]: "y" }, { place: "with", names: [] });
      expect(faults).toEqual([{ place: `with.${known}x`, reason: `unknown argument; did you mean "${known}"?` }]);
    });
  });
}

interface Started {
  readonly prepared: PreparedAction;
  readonly context: AttemptContext;
  readonly root: string;
}

function start(subject: ActionCase, transport: Transport): Started {
  const root = temporaryDirectory();
  subject.before?.(root);
  const prepared = subject.action(transport).parse(subject.with);
  return { prepared, context: anAttempt({ target: aLocalTarget(root) }), root };
}

/** As the runner does it: apply only what is not converged. */
async function applyOnce(prepared: PreparedAction, context: AttemptContext): ReturnType<PreparedAction["apply"]> {
  const found = await prepared.check(context);
  if (found.kind === "converged") return { kind: "applied" };
  return prepared.apply(context, found.kind === "different" ? found.checksum : "");
}

/** Applies with programs in front of PATH that end the whole process group before the given step. True when it died. */
async function applyDying(
  prepared: PreparedAction,
  context: AttemptContext,
  { transport, step }: { readonly transport: TestTransport; readonly step: number },
): Promise<boolean> {
  const found = await prepared.check(context);
  const directory = temporaryDirectory();
  const counter = join(directory, "count");
  const died = join(directory, "died");
  for (const program of PROGRAMS) {
    const real = ["/usr/bin", "/bin"].map((place) => join(place, program)).find((path) => existsSync(path));
    const body = `#!/bin/sh\necho x >> ${counter}\nread_count() { n=0; while read -r _; do n=$((n+1)); done < ${counter}; }\nread_count\nif [ "$n" = ${step} ]; then : > ${died}; kill -9 0; fi\nexec ${real ?? program} "$@"\n`;
    writeFileSync(join(directory, program), body);
    chmodSync(join(directory, program), 0o755);
  }
  transport.pathPrefix = directory;
  await prepared.apply(context, found.kind === "different" ? found.checksum : "");
  transport.pathPrefix = "";
  return existsSync(died);
}

/** Everything below a directory, as one text: kinds, modes, owners and contents. */
export function snapshot(root: string, { isIgnored = () => false }: { readonly isIgnored?: (path: string) => boolean } = {}): string {
  const lines: string[] = [];
  const walk = (path: string): void => {
    for (const name of readdirSync(join(root, path)).sort()) {
      const below = join(path, name);
      if (isIgnored(below)) continue;
      const stat = lstatSync(join(root, below));
      const head = `${below} ${stat.mode.toString(8)} ${stat.uid}:${stat.gid}`;
      if (stat.isSymbolicLink()) lines.push(`${head} -> ${readlinkSync(join(root, below))}`);
      else if (stat.isFile()) lines.push(`${head} ${readFileSync(join(root, below)).toString("base64")}`);
      else lines.push(head);
      if (stat.isDirectory()) walk(below);
    }
  };
  mkdirSync(root, { recursive: true });
  walk("");
  return lines.join("\n");
}
