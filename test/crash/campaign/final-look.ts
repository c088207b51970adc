// The last look at a scene whose work has come to its end: records against hosts, a polite stop, the journal read as a whole, how lives ended.

import { cpSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EXIT } from "../../../cmd/holdfastd/program.ts";
import type { Scene } from "../scene.ts";
import type { ClientCrew } from "./client-crew.ts";
import { readHostLog } from "./host-log.ts";
import { readRecords } from "./records.ts";
import { reckon } from "./reckoning.ts";
import type { Finding } from "./reckoning.ts";
import type { ServiceLife } from "./service-life.ts";
import { CHANGES_FILE } from "./work.ts";

/** Who was there, and what they may have suffered. */
export interface Ended {
  readonly scene: Scene;
  readonly crew: ClientCrew;
  readonly life: ServiceLife;
  /** The disk was full now and then: the service ends by itself, and work may fail. */
  readonly wasFull: boolean;
}

/** Looks, and stops the service. */
export async function finalLook({ scene, crew, life, wasFull }: Ended): Promise<{
  readonly workflows: number;
  readonly tasks: number;
  readonly findings: readonly Finding[];
}> {
  const { workflows, tasks } = await readRecords(scene);
  const findings = reckon({
    acknowledged: crew.acknowledged,
    logbook: crew.logbook(),
    workflows,
    tasks,
    logs: new Map(scene.hosts.map((host) => [host, readHostLog(scene.read(host, CHANGES_FILE))])),
    read: (host, path) => scene.read(host, path),
    // A shim on the full disk cannot keep a command's outcome.
    mayFail: wasFull,
  });
  const end = await scene.daemon.stop();
  const strange: readonly Finding[] =
    end.code === EXIT.done ? [] : [{ kind: "fault", what: `SIGTERM ended the service with ${end.code ?? end.signal}` }];
  return {
    workflows: workflows.length,
    tasks: [...tasks.values()].reduce((sum, list) => sum + list.length, 0),
    findings: [
      ...findings,
      ...crew.broken.map((what): Finding => ({ kind: "fault", what })),
      ...strange,
      ...(await verified(scene, crew)),
      ...strangeEnds(life, { wasFull }),
    ],
  };
}

/** Leaves all that a person needs, and says where. */
export function keepScene({ scene, crew }: Pick<Ended, "scene" | "crew">, about: object): string {
  const { directory, dataDir, stderr } = scene.daemon;
  writeFileSync(join(directory, "service.log"), stderr);
  writeFileSync(join(directory, "clients.log"), crew.talk.join("\n"));
  writeFileSync(join(directory, "findings.json"), `${JSON.stringify(about, undefined, 1)}\n`);
  // A disk of its own goes away with its mount.
  if (existsSync(dataDir)) cpSync(dataDir, join(directory, "data-kept"), { recursive: true });
  return directory;
}

async function verified(scene: Scene, crew: ClientCrew): Promise<readonly Finding[]> {
  const { code, stdout, stderr } = await crew.run("journal", "verify", "--data", scene.daemon.dataDir);
  return code === 0 ? [] : [{ kind: "fault", what: `journal verify ended with ${code}: ${stdout}${stderr}` }];
}

/** A life ends by SIGKILL, by our SIGTERM (before it can answer to it, that is its signal), or where the disk is full by saying so. */
function strangeEnds({ ends }: ServiceLife, { wasFull }: Pick<Ended, "wasFull">): readonly Finding[] {
  const allowed: ReadonlySet<number> = new Set(wasFull ? [EXIT.done, EXIT.fatal, EXIT.cannotStart] : [EXIT.done]);
  return ends
    .filter(({ code, signal }) => signal !== "SIGKILL" && signal !== "SIGTERM" && !(code !== null && allowed.has(code)))
    .map(({ code, signal }) => ({ kind: "fault", what: `the service ended by itself with ${code ?? signal}` }));
}
