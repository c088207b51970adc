// Runs commands for the other scripts: with the checkout's own tools first on PATH, and either quietly or in the foreground.
// 1. A quiet command's output is kept, for whoever has to show why it failed.
// 2. A foreground command owns the terminal; its exit code, or the signal that ended it, becomes this process's own.

import { spawn } from "node:child_process";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout's top directory. */
export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

const TOOLS = join(ROOT, "node_modules", ".bin");

/** The environment in which `node` is the packaged Node, and the pinned tools come first. */
export function withTools(env = process.env) {
  return { ...env, PATH: [TOOLS, ...pathsOutside(env)].join(delimiter) };
}

/** The environment without anything from node_modules: for npm, which replaces that directory while it runs. */
export function withoutTools(env = process.env) {
  return { ...env, PATH: pathsOutside(env).join(delimiter) };
}

function pathsOutside(env) {
  return (env.PATH ?? "").split(delimiter).filter((path) => !path.startsWith(join(ROOT, "node_modules")));
}

/** Runs a command to its end with no input; resolves to its exit code and everything that it printed. */
export function runQuietly([command, ...args], env = withTools()) {
  return new Promise((resolve) => {
    const chunks = [];
    const child = spawn(command, args, { cwd: ROOT, env: { NO_COLOR: "1", ...env }, stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.stderr.on("data", (chunk) => chunks.push(chunk));
    child.on("error", (error) => resolve({ code: 127, output: `cannot start ${command}: ${error.message}\n` }));
    child.on("close", (code, signal) => {
      const output = Buffer.concat(chunks).toString("utf8");
      resolve({ code: code ?? 128 + constants.signals[signal], output });
    });
  });
}

/** Gives the terminal to a command and ends this process as the command ends. */
export function becomeCommand([command, ...args], env = withTools()) {
  const child = spawn(command, args, { cwd: process.cwd(), env, stdio: "inherit" });
  // Ctrl-C reaches both from the terminal; this process only has to wait. Other signals are passed on.
  const waitOnly = () => {};
  process.on("SIGINT", process.stdin.isTTY ? waitOnly : () => child.kill("SIGINT"));
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  child.on("error", (error) => {
    process.stderr.write(`cannot start ${command}: ${error.message}\n`);
    process.exit(127);
  });
  child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}
