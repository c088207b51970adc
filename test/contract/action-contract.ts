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
import type { Target } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { aLocalTarget, anAttempt } from "../fakes/attempt-context.ts";
import { createTestTransport } from "../fakes/local-transport.ts";
import { createRealTransport } from "../fakes/real-transport.ts";
import { temporaryDirectory } from "../fakes/temp-directory.ts";

/** What the suite needs to know of an action. */
export interface ActionCase {
  readonly name: string;
  readonly action: (transport: Transport) => Action;
  /** Rendered arguments of a change to files below a directory; empty: below the target's own root. */
  readonly under: (directory: string) => JsonObject;
  /** Arguments that must be refused, with a part of the message for each. */
  readonly refused: readonly (readonly [args: JsonObject, message: RegExp])[];
  /** Makes the state before the change in an empty root. */
  readonly before?: (root: string) => void;
}

/** The programs at which a test lets an apply die. */
const PROGRAMS = ["cat", "chmod", "chown", "mkdir", "mv", "rm", "rmdir", "sha256sum", "stat", "sync", "touch"];
const STEPS_MAX = 60;
/** Each step is a few commands at the target; over ssh, on a busy machine, they add up. */
const DEATHS_MS_MAX = 90_000;

/** Where a test may let programs die: it puts such programs into a directory, and has it in front of PATH as long as it likes. */
export interface DeadlyPlace {
  readonly place: ActionPlace;
  /** Whether what dies may also be the shim under which the command runs. */
  readonly isShimMortal: boolean;
  putInFront(directory: string): void;
  takeAway(): void;
}

/** A kind of target, and what leads there. */
export interface ActionPlace {
  readonly transport: Transport;
  /** A target whose files lie below a directory, and what goes before their paths in arguments. */
  readonly target: (directory: string) => { readonly target: Target; readonly prefix: string };
}

/** The service's own transport, and one that lets a test end programs where it likes. */
const LOCAL_PLACES: readonly { readonly name: string; readonly make: () => ActionPlace }[] = [
  { name: "the service's transport", make: () => localPlace(createRealTransport()) },
  { name: "a transport of tests", make: () => localPlace(createTestTransport()) },
];

/** Declares the tests of the contract for one action at local targets, and of what it refuses. */
export function actionContract(subject: ActionCase): void {
  describe(`${subject.name} keeps the contract of actions`, () => {
    describe.each(LOCAL_PLACES)("over $name", ({ make }) => {
      actionContractAt(subject, make);
    });
    deathContractAt(subject, localDeadlyPlace);

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
      const args = subject.under("");
      const [known = ""] = Object.keys(args);
      const faults = action.validate({ ...args, [`${known}x`]: "y" }, { place: "with", names: [] });
      expect(faults).toEqual([{ place: `with.${known}x`, reason: `unknown argument; did you mean "${known}"?` }]);
    });
  });
}

/** Declares the tests of what an action finds and does at one kind of target. */
export function actionContractAt(subject: ActionCase, make: () => ActionPlace): void {
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
}

/** Declares the test of an apply that dies at each of its steps. */
export function deathContractAt(subject: ActionCase, make: () => DeadlyPlace): void {
  test(
    "an apply that dies at any of its steps leaves nothing half done when atomic, and is made good by the next",
    async () => {
      const reference = start(subject, make().place);
      const before = snapshot(reference.root);
      await applyOnce(reference.prepared, reference.context);
      const after = snapshot(reference.root);
      let step = 1;
      for (; step <= STEPS_MAX; step++) {
        const deadly = make();
        const { prepared, context, root } = start(subject, deadly.place);
        const wasKilled = await applyDying(prepared, context, { deadly, step });
        const left = snapshot(root, { isIgnored: (path) => path.includes(".holdfast.") });
        if (prepared.isAtomic) expect([before, after]).toContain(left);
        expect(await applyOnce(prepared, { ...context, attempt: 2 })).toMatchObject({ kind: "applied" });
        expect(snapshot(root)).toBe(after);
        if (!wasKilled) break;
      }
      expect(step).toBeGreaterThan(1);
      expect(step).toBeLessThan(STEPS_MAX);
    },
    DEATHS_MS_MAX,
  );
}

function localPlace(transport: Transport): ActionPlace {
  return { transport, target: (directory) => ({ target: aLocalTarget(directory), prefix: "" }) };
}

function localDeadlyPlace(): DeadlyPlace {
  const transport = createTestTransport();
  return {
    place: localPlace(transport),
    isShimMortal: false,
    putInFront: (directory) => {
      transport.pathPrefix = directory;
    },
    takeAway: () => {
      transport.pathPrefix = "";
    },
  };
}

interface Started {
  readonly prepared: PreparedAction;
  readonly context: AttemptContext;
  readonly root: string;
}

let tasks = 0;

function start(subject: ActionCase, { transport, target: targetOf }: ActionPlace): Started {
  const root = temporaryDirectory();
  subject.before?.(root);
  const { target, prefix } = targetOf(root);
  const prepared = subject.action(transport).parse(subject.under(prefix));
  tasks += 1;
  return { prepared, context: anAttempt({ target, taskKey: `contract.${tasks}` }), root };
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
  { deadly, step }: { readonly deadly: DeadlyPlace; readonly step: number },
): Promise<boolean> {
  const found = await prepared.check(context);
  const directory = temporaryDirectory();
  const counter = join(directory, "count");
  const died = join(directory, "died");
  for (const program of PROGRAMS) {
    const real = ["/usr/bin", "/bin"].map((place) => join(place, program)).find((path) => existsSync(path));
    const spared = deadly.isShimMortal ? "" : `[ -n "$HOLDFAST_TASK_KEY" ] || exec ${real ?? program} "$@"\n`;
    const body = `#!/bin/sh\n${spared}echo x >> ${counter}\nread_count() { n=0; while read -r _; do n=$((n+1)); done < ${counter}; }\nread_count\nif [ "$n" = ${step} ]; then : > ${died}; kill -9 0; fi\nexec ${real ?? program} "$@"\n`;
    writeFileSync(join(directory, program), body);
    chmodSync(join(directory, program), 0o755);
  }
  deadly.putInFront(directory);
  await prepared.apply(context, found.kind === "different" ? found.checksum : "");
  deadly.takeAway();
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
