#!/usr/bin/env node
// The command line client, as one bundled file so that it starts fast.

import { fileURLToPath } from "node:url";
import { launch } from "./launch.mjs";

await launch({ name: "holdfast", path: "dist/cli/holdfast.mjs", self: fileURLToPath(import.meta.url) });
