// A scene with hosts that note what is done to them: inventory, own actions, the program that changes a host, and limits or none.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Scene } from "../scene.ts";
import { OWN_ACTIONS, STEP } from "./work.ts";

/** Makes it; nothing runs yet. */
export function fleetScene(options: { readonly hosts: number; readonly policy: string | undefined }): Scene {
  const args = ["--disk-free-min", "0", "--log-level", "warn"];
  const scene = new Scene(options.hosts, args);
  const { daemon, hosts } = scene;
  for (const [name, text] of Object.entries(OWN_ACTIONS)) scene.write(`actions/${name}`, text);
  args.push("--actions", join(daemon.directory, "actions"));
  if (options.policy !== undefined) args.push("--policies", join(scene.write("policies/limits.yaml", options.policy), ".."));
  scene.write("step.sh", STEP);
  const targets = hosts.map((name, index) => {
    return `  - { name: ${name}, labels: { rack: r${index % 2} }, connection: { local: { root: ./hosts/${name} } } }`;
  });
  writeFileSync(daemon.inventoryFile, `targets:\n${targets.join("\n")}\n`);
  return scene;
}
