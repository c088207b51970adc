// The soak: npm run soak -- [--minutes 60] [--seed N]
// One service under a steady load of real clients, with kills of both, whose memory, descriptors and loop are watched: the journal grows, and nothing else.
// Exit 0: flat, nothing lost, nothing doubled. Exit 1: not so; the directory is kept. Exit 2: wrong flags.
// 1. A killed service has no memory to watch: so for more than half of the time one life is left alone, and only clients are killed.

import { randomInt } from "node:crypto";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Chance } from "../sim/chance.ts";
import { ClientCrew } from "./campaign/client-crew.ts";
import { finalLook, keepScene } from "./campaign/final-look.ts";
import { fleetScene } from "./campaign/fleet-scene.ts";
import { attend, bringToEnd } from "./campaign/person.ts";
import { ServiceLife } from "./campaign/service-life.ts";
import type { Scene } from "./scene.ts";
import { judgeFlatness } from "./soak/flatness.ts";
import type { LifeSample } from "./soak/life-report.ts";
import { Asked, commandLineUser, sdkUser } from "./soak/load.ts";
import { minuteLine, summaryLines } from "./soak/summary.ts";

const HOSTS = 6;
const COMMAND_LINE_USERS = 2;
const SDK_USERS = 3;
/** The one long life, as shares of the whole time. */
const LONG_LIFE = { from: 0.25, to: 0.8 } as const;
const SERVICE_KILL_MS = { least: 10_000, most: 110_000 } as const;
const CLIENT_KILL_MS = { least: 3_000, most: 40_000 } as const;
const LOOK_MS = 200;
const MINUTE_MS = 60_000;
const POLICY = `name: limits
match: 'true'
limits:
  - { name: some-at-a-time, match: 'true', key: '"all"', concurrency: 8 }
  - { name: paced, match: has(target.labels.rack), key: target.labels.rack, tokens: 30, period: 1s, burst: 10 }
`;

interface Soak {
  readonly scene: Scene;
  readonly life: ServiceLife;
  readonly crew: ClientCrew;
  readonly chance: Chance;
  readonly asked: Asked;
  /** From 0 to 1. */
  readonly progress: () => number;
}

async function main({ minutes, seed }: Flags): Promise<number> {
  // The client that was built is the one that users have; npm builds it first.
  process.env["HOLDFAST_TEST_BUILT"] = "1";
  console.log(`seed ${seed}, ${minutes} min, ${COMMAND_LINE_USERS} users of the command line, ${SDK_USERS} of the SDK, ${HOSTS} hosts`);
  const scene = fleetScene({ hosts: HOSTS, policy: POLICY });
  const startMs = Date.now();
  const soak: Soak = {
    scene,
    life: new ServiceLife(scene),
    crew: new ClientCrew(scene),
    chance: new Chance(seed),
    asked: new Asked(),
    progress: () => Math.min(1, (Date.now() - startMs) / (minutes * MINUTE_MS)),
  };
  const { life, crew } = soak;
  life.nextEnv = () => ({ HOLDFAST_SOAK_FILE: samplesFile(scene) });
  await life.begin();
  let held = 0;
  const count = () => ({
    workflows: soak.asked.workflows,
    held,
    serviceKills: life.kills,
    clientKills: crew.kills,
    journalBytes: journalBytes(scene),
  });
  startUsers(soak);
  await Promise.all([
    killServices(soak),
    killClients(soak),
    everyMinute(soak, minutes, (minute) => console.log(minuteLine(minute, count(), samplesOf(scene).at(-1)))),
    attend(scene, crew, (resolved) => (held += resolved)),
  ]);
  const samples = samplesOf(scene);
  await life.settle({ isPolite: true });
  held += await bringToEnd(scene, crew);
  const { workflows, tasks, findings } = await finalLook({ scene, crew, life, wasFull: false });
  const criteria = judgeFlatness(samples);
  console.log(summaryLines({ ...count(), minutes, workflows, tasks, findings, samples, criteria }).join("\n"));
  const isGood = findings.length === 0 && criteria.every(({ isMet }) => isMet);
  if (isGood) await scene.remove();
  else console.log(`kept in ${keepScene({ scene, crew }, { seed, minutes, findings, criteria })}`);
  return isGood ? 0 : 1;
}

interface Flags {
  readonly minutes: number;
  readonly seed: number;
}

function flags(): Flags {
  const text = { type: "string" } as const;
  const { values } = parseArgs({ options: { minutes: text, seed: text } });
  const { minutes = "60", seed = String(randomInt(1_000_000_000)) } = values;
  for (const value of [minutes, seed]) if (!/^\d{1,10}$/.test(value)) throw new TypeError(`${value} must be a whole number`);
  return { minutes: Number(minutes), seed: Number(seed) };
}

/** Each user has chance of its own, so that none disturbs the others' choices. */
function startUsers({ scene, crew, chance, asked, progress }: Soak): void {
  const isOver = (): boolean => progress() >= 1;
  for (let user = 0; user < COMMAND_LINE_USERS; user++)
    crew.take(commandLineUser({ scene, crew, chance: chance.fork("command line", user), isOver }, asked));
  for (let user = 0; user < SDK_USERS; user++) crew.take(sdkUser({ scene, crew, chance: chance.fork("sdk", user), isOver }, asked));
}

async function killServices({ life, chance, progress }: Soak): Promise<void> {
  const lot = chance.fork("service");
  for (;;) {
    await whileGoing(progress, lot.int(SERVICE_KILL_MS.least, SERVICE_KILL_MS.most));
    const now = progress();
    if (now >= 1) return;
    if (now < LONG_LIFE.from || now > LONG_LIFE.to) life.kill();
  }
}

async function killClients({ crew, chance, progress }: Soak): Promise<void> {
  const lot = chance.fork("clients");
  for (;;) {
    await whileGoing(progress, lot.int(CLIENT_KILL_MS.least, CLIENT_KILL_MS.most));
    if (progress() >= 1) return;
    crew.kill({ which: lot.int(0, 9), resumedAfterMs: lot.hit(0.3) ? lot.int(0, 5_000) : undefined });
  }
}

async function everyMinute({ progress }: Soak, minutes: number, tell: (minute: number) => void): Promise<void> {
  for (let minute = 1; minute <= minutes; minute++) {
    while (progress() * minutes < minute && progress() < 1) await sleep(LOOK_MS);
    tell(minute);
  }
}

async function whileGoing(progress: () => number, forMs: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < forMs && progress() < 1; waitedMs += LOOK_MS) await sleep(LOOK_MS);
}

function samplesFile({ daemon }: Scene): string {
  return join(daemon.directory, "samples.jsonl");
}

/** The last line may be torn by a kill. */
function samplesOf(scene: Scene): readonly LifeSample[] {
  const file = samplesFile(scene);
  if (!existsSync(file)) return [];
  const whole = readFileSync(file, "utf8").split("\n").slice(0, -1);
  return whole.map((line): LifeSample => JSON.parse(line));
}

function journalBytes({ daemon }: Scene): number {
  const directory = join(daemon.dataDir, "journal");
  return readdirSync(directory).reduce((sum, name) => sum + (statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0), 0);
}

let asked: Flags | undefined;
try {
  asked = flags();
} catch (error) {
  console.error(`soak: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 2;
}
if (asked !== undefined) process.exitCode = await main(asked);
