#!/usr/bin/env node
// The service.

import { fileURLToPath } from "node:url";
import { launch } from "./launch.mjs";

await launch({ name: "holdfastd", path: "dist/cmd/holdfastd/main.js", self: fileURLToPath(import.meta.url) });
