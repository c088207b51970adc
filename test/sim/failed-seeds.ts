// Every seed that ever failed, as a command replays it, and why: CI runs all of them, for ever.
// 1. A seed stays when its fault is mended. When the simulator changes, a seed may come to mean another run: it stays all the same.
// 2. What is new to go wrong has a name of its own, and a stream of its own: a seed that names the former ones runs as it did.

/** What could go wrong before there were a pace and a gate worker: with these alone a seed is the run that it was. */
const BEFORE_PACE = "crash,reboot,clock,host,client,freeze,policy,person,surroundings,delay";
/** And before a disk was slow. */
const BEFORE_DISK = `${BEFORE_PACE},pace,worker`;

/** One that failed. */
export interface FailedSeed {
  /** Arguments of `npm run sim --`. */
  readonly scenario: string;
  /** What was wrong: the product, or the simulator itself. */
  readonly why: string;
}

/** All of them, the newest last. */
export const FAILED_SEEDS: readonly FailedSeed[] = [
  // Found while the simulator was rebuilt. Where no cause is named none was found: they passed before anybody looked, most likely because
  // a checker was still being written.
  {
    scenario: `9 --size usual --faults ${BEFORE_PACE}`,
    why: "H4 decided again: one event led to two statuses, of which one had no stages",
  },
  { scenario: `13 --size usual --faults ${BEFORE_PACE}`, why: "progress: a run did not come to its end" },
  { scenario: `15 --size usual --faults ${BEFORE_PACE}`, why: "locks: the simulator did not know what a lock with a parameter comes to" },
  { scenario: `85 --size usual --faults ${BEFORE_PACE}`, why: "H1 lost: a cancel was acknowledged and is not in the journal" },
  { scenario: `141 --size usual --faults ${BEFORE_PACE}`, why: "ledger: it says 0 of action touch in 1h, by hand there are 5" },
  {
    scenario: `204 --size usual --faults ${BEFORE_PACE}`,
    why: "each: 4 tokens where 3 may be taken; the simulator counted one that was given back unused",
  },
  { scenario: `226 --size usual --faults ${BEFORE_PACE}`, why: "H1 lost: a cancel was acknowledged and is not in the journal" },
  {
    scenario: "59192492 --steps 51 --skip 3,7-16,20,26,28-36,38-49 --clients 4 --faults crash,reboot,host,policy,person,surroundings,delay",
    why: "ledger: it says 0 of all in 1h, by hand there is 1, after a reboot with the wall clock an hour back",
  },
  {
    scenario: `60052 --size usual --faults ${BEFORE_PACE}`,
    why: "progress: after a restart who could take its locks at once was in no line, and another came ahead of it",
  },
  {
    scenario: "2593991919 --size usual",
    why: "each: the simulator took the token of a value for spent, which came back with the value's last start: none had been used",
  },
  {
    scenario: "922575829 --size usual",
    why: "ledger: the simulator read it an hour after the question, where the gate worker was slow; it is read as of the question",
  },
  { scenario: "4140446629 --size tiny", why: "pace: the simulator counted what was over just before its life was, and told just after" },
  {
    scenario: `3675936688 --faults ${BEFORE_DISK}`,
    why: "tokens: a target that had begun nothing gave up its place while it waited for locks, and came back without taking from the stage's rate",
  },
  {
    scenario: "2832704359",
    why: "progress: a target got its locks, and no place: those in flight waited for locks themselves, and none gave its place up",
  },
  {
    scenario: `2832703396 --faults ${BEFORE_DISK}`,
    why: "concurrency: the simulator counted the slot of what a freeze had put off, which the thaw had given back",
  },
  {
    scenario: "2862108752 --size large",
    why: "model: the simulator did not know that a target which has its locks may take the place of another one that waits for locks",
  },
  {
    scenario: "3425138237 --steps 29 --skip 4-27 --targets 6 --clients 1 --faults policy,delay,worker",
    why: "spacing: a start was forgotten when its own distance was over, and another version of the policy asked for a greater one",
  },
  {
    scenario: "2249952609 --size tiny --steps 6 --skip 3 --targets 1 --clients 1 --faults freeze,policy,delay,worker",
    why: "H1 lost: a repeated freeze was answered by one that was not on disk yet",
  },
  {
    scenario: "3906536230",
    why: "tokens: the simulator counted a token that a thaw gives back with the rest of what was put off before it began",
  },
  {
    scenario: "3906541189 --steps 49 --skip 3-4,14,16,20-27,29-47 --faults crash,host,client,policy,person,surroundings,delay,pace,worker",
    why: "each: the simulator gave back the token of a later attempt that found nothing to change, and so counted another one",
  },
  { scenario: "3795209634", why: "model: the simulator forgot that a task had begun to change its target when a person let it run again" },
  { scenario: "168454352", why: "concurrency: the simulator did not know that a stage which failed gives back what its tasks hold" },
  { scenario: "4277295531", why: "locks: the simulator took a target that is undone with its wave for one that had never ended" },
  {
    scenario: "2758361798 --size tiny --steps 6 --skip 2 --clients 1 --faults reboot,policy,worker",
    why: "model: the simulator waited for a pause of no length, after a reboot that set the clock back",
  },
  {
    scenario:
      "2422541951 --steps 48 --skip 2-3,7-8,10-13,15,18,20-30,33-34,37-42,44,46 --targets 4 --clients 4 --faults crash,client,surroundings,delay,pace,worker",
    why: "parallel: a target that had given up its place began when its stage's rate let it, and was one too many",
  },
  { scenario: "3251911170", why: "tokens: what a failed attempt had used was given back when a later attempt was put off" },
  {
    scenario: "1053017238",
    why: "parallel: a target gave up its place for one that came back, which a limit held back, and so a third one had it",
  },
  { scenario: "1053021008", why: "leaks: the simulator ended while a client that would never come back was still at work" },
  { scenario: "1053038093", why: "model: the simulator forgot that a task waits for locks when another of its target started" },
  {
    scenario: `2369445285 --faults ${BEFORE_DISK}`,
    why: "concurrency: the simulator did not know that what a deadline stops gives back what it holds",
  },
  { scenario: "2369445440", why: "tokens: after a Retry a target of which something had succeeded took no share of its stage's rate" },
  { scenario: "2369444655", why: "progress: a Retry opened an alternative of an action that had succeeded, and nothing ever let it begin" },
  { scenario: "2369444938", why: "feed: who awaits people while a freeze has put other tasks off was shown as waiting, and not told so" },
  { scenario: "2369444779", why: "parallel: the simulator forgot that a target waits for locks when another action of it went on" },
  { scenario: "2369445031", why: "model: an always ran beside the undo of its own target, whose wave had failed by its on_success" },
  { scenario: "2369445068", why: "model: the last was not undone first where an action between had nothing to take back" },
  { scenario: "2369445446", why: "locks: the simulator did not know that who is paused when a stage fails keeps its locks" },
  { scenario: "2369445875", why: "model: the simulator took a failed undo for continued, as the action that it undoes" },
  { scenario: "1083095572", why: "model: an always ran beside the undo of its own target" },
  { scenario: "777000060", why: "model: a deadline that passed between two waves opened the one that had ended, to undo it" },
  {
    scenario: `100000011 --faults ${BEFORE_DISK}`,
    why: "model: an action was taken back before one that needs it, past a third one that had nothing to take back",
  },
  { scenario: "100000680", why: "at risk: a handler that failed again after a Retry closed the others as if the main actions had failed" },
  { scenario: "777001481", why: "feed: what was undone with its wave and waited for a limit was shown as waiting for a person" },
  { scenario: "777010120", why: "model: the simulator took the stage of on_success in which a cancel came for one that never began" },
  { scenario: "777010287", why: "model: the simulator did not undo targets of a failed wave that had ended before a Retry" },
  { scenario: "777010384", why: "feed: who awaits people while a freeze holds other tasks back was shown as waiting, and not told so" },
  { scenario: "200001763", why: "model: a deadline that passed in a plan took back what the plan had shown" },
  { scenario: "200000458", why: "model: the simulator did not take back what of a wave had been changed before a Retry" },
  {
    scenario: "200000449",
    why: "feed: who awaits people while a freeze keeps other tasks from starting was shown as waiting, and not told so",
  },
  { scenario: "555003695", why: "model: what was only to be skipped, for a need was not met, was refused as late by its schedule_timeout" },
  { scenario: "555001066", why: "model: a round that named what undoes an action ran it, though the action had changed nothing" },
  { scenario: "300000201", why: "ledger: the simulator did not settle a target whose unknown alternative counts as failed" },
  { scenario: "777200198", why: "at risk: the simulator stopped targets that had ended and were undone with their wave" },
  { scenario: "430010986", why: "model: a Retry undid a target of a failed wave whose undo had failed, beside what was to go on there" },
  {
    scenario: "883000284",
    why: "model: a target that only an unknown task put at risk, and nothing had touched, was kept at risk when it was stopped",
  },
  { scenario: "920000201", why: "model: a Retry of what handles a good end was judged when its wave failed, not when its target began" },
  {
    scenario: "610000328",
    why: "approvals: a verdict that was long on its way let a workflow go on by an approval that had ended meanwhile",
  },
  {
    scenario: "1354504919",
    why: "H2: the simulator allowed no second change after a cancel had ended the waiting for a token's answer, and a Retry handed the work out by another token",
  },
  {
    scenario: "818565510",
    why: "model: a handler that a Retry began was closed by the judgement of its target's end, and what comes after it ran beside it",
  },
  {
    scenario: "818561436",
    why: "concurrency: the simulator wanted room under its own terms for what went on after a thaw with the slot that it had kept, others having started under looser terms",
  },
  {
    scenario: "2968775327",
    why: "model: the simulator did not count as taken the signal of a last iteration that failed its action, since `until` was not true",
  },
  {
    scenario: "380060508",
    why: "progress: an undo that waited for a lock and had never begun stayed open through a Retry, and its stage never ended",
  },
  {
    scenario: "3846257455",
    why: "at risk: the simulator kept a target at risk that was stopped while an alternative ran, though that one succeeded",
  },
  {
    scenario: "3300001683",
    why: "tokens: the simulator wanted a token of the stage's rate for a target that was undone with its wave after a Retry",
  },
];
