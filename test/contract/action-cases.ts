// The actions that change a target, each with a change for the contract of actions.
// 1. Each runs at local targets and over ssh: paths are given below a directory, never below the machine's own root.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandAction } from "../../internal/action/command.ts";
import { directoryAction } from "../../internal/action/directory.ts";
import { fileAction } from "../../internal/action/file.ts";
import { ownAction } from "../../internal/action/own-action.ts";
import { parseOwnAction } from "../../internal/action/own-action-file.ts";
import type { ActionCase } from "./action-contract.ts";

const MARKER = "test/testdata/actions/marker.yaml";

/** Every action that changes a target. */
export const ACTION_CASES: readonly ActionCase[] = [
  {
    name: "file (new content)",
    action: fileAction,
    under: (directory) => ({ path: `${directory}/etc/app.conf`, content: "port = 2\n", mode: "0640" }),
    before: (root) => {
      mkdirSync(join(root, "etc"));
      writeFileSync(join(root, "etc/app.conf"), "port = 1\n", { mode: 0o600 });
    },
    refused: [
      [{ path: "/etc/../../x", content: "" }, /with\.path: must not hold "\.\."/],
      [{ path: "/etc/x" }, /with: one of the arguments content, content_base64 or absent is missing/],
      [{ path: "/etc/x", content: "", mode: 420 }, /with\.mode: must be a string, found an int; write it in quotes/],
      [{ path: "/etc/x", content: "", mode: "rw" }, /with\.mode: must be an octal mode/],
      [{ path: "/etc/x", source: "x.tmpl" }, /with\.source: clients inline/],
      [{ path: "/", content: "" }, /with\.path: must name something below \//],
      [{ path: "/x", absent: true, content: "" }, /with\.content: has no meaning/],
    ],
  },

  {
    name: "file (a new one)",
    action: fileAction,
    under: (directory) => ({ path: `${directory}/new`, content_base64: "AAEC/w==" }),
    refused: [[{ path: "/x", content_base64: "?" }, /with\.content_base64: must be base64/]],
  },

  {
    name: "file (absent)",
    action: fileAction,
    under: (directory) => ({ path: `${directory}/old`, absent: true }),
    before: (root) => writeFileSync(join(root, "old"), "x"),
    refused: [],
  },

  {
    name: "directory",
    action: directoryAction,
    under: (directory) => ({ path: `${directory}/srv/app/data`, mode: "0750" }),
    refused: [
      [{ path: "/x", recursive: true }, /with\.recursive: has no meaning without/],
      [{ path: "/x", absent: true, mode: "0700" }, /with\.mode: has no meaning/],
    ],
  },

  {
    name: "directory (absent)",
    action: directoryAction,
    under: (directory) => ({ path: `${directory}/srv/app`, absent: true, recursive: true }),
    before: (root) => {
      mkdirSync(join(root, "srv/app/data"), { recursive: true });
      writeFileSync(join(root, "srv/app/data/x"), "x");
    },
    refused: [],
  },

  {
    name: "command with a guard",
    action: commandAction,
    under: (directory) => ({ argv: ["touch", "installed"], cwd: `${directory}/`, creates: `${directory}/installed` }),
    refused: [
      [{}, /with: one of the arguments argv or shell is missing/],
      [{ argv: ["a"], shell: "b" }, /with\.shell: only one of/],
      [{ argv: [] }, /with\.argv: must not be empty/],
      [{ argv: ["a"], effects: "none", creates: "/x" }, /with\.creates: a guard has no meaning/],
      [{ argv: ["a"], effects: "idempotent" }, /with\.effects: a command is idempotent only with a guard/],
      [{ argv: ["a"], env: { HOLDFAST_TARGET: "x" } }, /with\.env: variables that begin with HOLDFAST_/],
      [{ argv: ["a"], creates: "../x" }, /with\.creates: must not hold "\.\."/],
    ],
  },

  {
    name: "an action without code",
    action: (transport) => ownAction(transport, parseOwnAction(MARKER, readFileSync(MARKER, "utf8"))),
    under: (directory) => ({ site: "ams", ...(directory === "" ? {} : { path: `${directory}/site-marker` }) }),
    refused: [
      [{}, /with\.site: required argument is missing/],
      [{ site: "amsterdam" }, /with\.site: must be text that matches/],
    ],
  },
];
