// Every action that changes a target keeps the contract of actions.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandAction } from "../../internal/action/command.ts";
import { directoryAction } from "../../internal/action/directory.ts";
import { fileAction } from "../../internal/action/file.ts";
import { ownAction } from "../../internal/action/own-action.ts";
import { parseOwnAction } from "../../internal/action/own-action-file.ts";
import { actionContract } from "./action-contract.ts";

const MARKER = "test/testdata/actions/marker.yaml";

actionContract({
  name: "file (new content)",
  action: fileAction,
  with: { path: "/etc/app.conf", content: "port = 2\n", mode: "0640" },
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
});

actionContract({
  name: "file (a new one)",
  action: fileAction,
  with: { path: "/new", content_base64: "AAEC/w==" },
  refused: [[{ path: "/x", content_base64: "?" }, /with\.content_base64: must be base64/]],
});

actionContract({
  name: "file (absent)",
  action: fileAction,
  with: { path: "/old", absent: true },
  before: (root) => writeFileSync(join(root, "old"), "x"),
  refused: [],
});

actionContract({
  name: "directory",
  action: directoryAction,
  with: { path: "/srv/app/data", mode: "0750" },
  refused: [
    [{ path: "/x", recursive: true }, /with\.recursive: has no meaning without/],
    [{ path: "/x", absent: true, mode: "0700" }, /with\.mode: has no meaning/],
  ],
});

actionContract({
  name: "directory (absent)",
  action: directoryAction,
  with: { path: "/srv/app", absent: true, recursive: true },
  before: (root) => {
    mkdirSync(join(root, "srv/app/data"), { recursive: true });
    writeFileSync(join(root, "srv/app/data/x"), "x");
  },
  refused: [],
});

actionContract({
  name: "command with a guard",
  action: commandAction,
  with: { argv: ["touch", "installed"], creates: "/installed" },
  refused: [
    [{}, /with: one of the arguments argv or shell is missing/],
    [{ argv: ["a"], shell: "b" }, /with\.shell: only one of/],
    [{ argv: [] }, /with\.argv: must not be empty/],
    [{ argv: ["a"], effects: "none", creates: "/x" }, /with\.creates: a guard has no meaning/],
    [{ argv: ["a"], effects: "idempotent" }, /with\.effects: a command is idempotent only with a guard/],
    [{ argv: ["a"], env: { HOLDFAST_TARGET: "x" } }, /with\.env: variables that begin with HOLDFAST_/],
    [{ argv: ["a"], creates: "../x" }, /with\.creates: must not hold "\.\."/],
  ],
});

actionContract({
  name: "an action without code",
  action: (transport) => ownAction(transport, parseOwnAction(MARKER, readFileSync(MARKER, "utf8"))),
  with: { site: "ams" },
  refused: [
    [{}, /with\.site: required argument is missing/],
    [{ site: "amsterdam" }, /with\.site: must be text that matches/],
  ],
});
