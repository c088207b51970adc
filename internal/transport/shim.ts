// The shim: the one POSIX-sh program under which every command runs, here and at the far end of SSH. docs/connections.md tells its protocol.
// 1. A run's lock is held exactly while its outcome is not on disk: by the shim, and by the command itself should the shim be killed.
// 2. A status is written whole (temporary file, sync, rename) before the lock is let go; one that is torn does not count.
// 3. A run that `look` called absent never starts later: look leaves a fence (N.void) that a late shim of that run refuses to pass.
// 4. One process serves one operation after another, until its input ends; nothing of one is left in the next but a clean scratch directory.
// 5. Needs sh, flock, setsid and coreutils, nothing else; where there is perl, a session's later commands go faster (shim-hand.ts). No "${" in it (this is a template), no state outside its directory.

import { SHIM_BASE } from "./shim-base.ts";
import { SHIM_STREAMS } from "./shim-streams.ts";

/** What starts each line by which the shim speaks; anything before the first such line is noise of login scripts. */
export const SHIM_MAGIC = "HOLDFAST1";

/**
 * What the shim does: `run` runs a command once per (task, attempt); `once` runs a read-only one that ends with its connection;
 * `look` waits for a run and tells how it ended; `stop` ends a run; `sweep` removes old run directories.
 */
export type ShimOp = "run" | "once" | "look" | "stop" | "sweep";

// Runs as the leader of the command's own session: says who it is, obeys a stop that came too early for a signal, then becomes the command.
/** The second program: argument 1 of the shim. */
export const SHIM_INNER = String.raw`
printf "%s\n" "$1 $$" >holder
if [ -e "$1.cancel" ] || [ -e "$1.timeout" ]; then exit 143; fi
cd "$HOME" 2>/dev/null || cd /
if [ -n "$2" ]; then cd -- "$2" 2>/dev/null || { printf "%s\n" "holdfast: cannot enter the working directory $2" >&2; exit 127; }; fi
shift 2
unset OLDPWD
exec "$@"
`;

/**
 * The program text: the argument of \`sh -c\`. It says "ready" and which boot of its machine this is, reads its orders as four lines from stdin, answers on stdout, and says
 * "ready" again. To an empty line instead of orders it answers "ready".
 */
export const SHIM = String.raw`${SHIM_BASE}${SHIM_STREAMS}
hf_write() {
  if [ "$hf_op" = once ]; then return; fi
  printf "%s\n" "$hf_kind $hf_code $hf_l1 $hf_l2 ." >"$hf_n.tmp" || return
  set -- "$hf_n.tmp"
  if [ -s "$hf_n.out" ]; then set -- "$@" "$hf_n.out"; fi
  if [ -s "$hf_n.err" ]; then set -- "$@" "$hf_n.err"; fi
  sync "$@"
  mv "$hf_n.tmp" "$hf_n.status"
}

# Ends the command at its timeout. TERM says that the command has ended: then what still holds its output gets one second, until HUP, and the
# readers up to a minute for what was printed before. It says on 5 when it can be told: TERM would end it before.
hf_watch() {
  ( hf_timer
    echo >&5
    exec 5>&-
    if hf_sleep "$hf_time"; then
      if flock -n 7; then exit; fi
      hf_end_group timeout
      if [ ! "$hf_told" ]; then hf_sleep 60; fi
    fi
    if [ "$hf_told" = x ] && ! hf_ended; then
      hf_known=x hf_c=0
      while hf_sleep 1; do
        hf_c=$((hf_c + 1))
        if [ "$hf_c" -lt 60 ] && ! hf_drained; then continue; fi
        kill -s USR1 $$
        break
      done
    fi ) >/dev/null 4>&- 6>&- 8<&- 9>&- 7>>lock &
  hf_w1=$!
}

# Ends the command when it has printed nothing for three looks. What it leaves says when it was last heard, in seconds after its start and two, however
# the clock was set; 1: never.
hf_listen() {
  ( hf_timer
    hf_quiet=0 hf_last=2
    hf_t0=$(date +%s)
    hf_hear
    hf_was=$hf_heard
    while [ "$hf_quiet" -lt 3 ]; do
      hf_sleep "$hf_pulse" || exit
      hf_hear
      if [ "$hf_heard" = "$hf_was" ]; then hf_quiet=$((hf_quiet + 1)); continue; fi
      hf_was=$hf_heard hf_quiet=0
      hf_last=$(($(date +%s) - hf_t0 + 2))
      if [ "$hf_last" -lt 2 ]; then hf_last=2; fi
    done
    if flock -n 7; then exit; fi
    if [ ! -s "$hf_n.out" ] && [ ! -s "$hf_n.err" ]; then hf_last=1; fi
    printf "%s\n" "$hf_last" >"$hf_n.silent"
    hf_end_group timeout ) >/dev/null 4>&- 5>&- 6>&- 8<&- 9>&- 7>>lock &
  hf_w3=$!
}

# A read-only command ends with its connection: nobody would learn what it says.
hf_tie() {
  ( read -r hf_x; hf_timer; hf_end_group cancel ) <&8 >/dev/null 4>&- 5>&- 6>&- 7>&- 8<&- 9>&- &
  hf_w2=$!
}

# Sets hf_path to where a program is, for the command's own PATH is another.
hf_find() {
  IFS=:
  for hf_path in $PATH; do
    hf_path=$hf_path/$1
    if [ -f "$hf_path" ] && [ -x "$hf_path" ]; then break; fi
  done
  unset IFS
}

hf_start() {
  hf_w1= hf_w2= hf_w3= hf_r= hf_late= hf_passed=
  trap "hf_late=x" USR1
  trap - PIPE
  if hf_pass; then hf_passed=y; else hf_streams; exec 5<>"$hf_tmp/w"; hf_watch; fi
  if [ "$hf_op" = once ]; then hf_tie; fi
  if [ "$hf_pulse" ]; then hf_listen; fi
  if [ "$hf_in" -gt 0 ]; then
    exec 3<"$hf_n.in"
    rm -f "$hf_n.in" 3<&- 4>&- 5>&- 6>&- 7>&- 8<&- 9>&- &
    hf_r=$!
  else exec 3</dev/null
  fi
  if [ ! "$hf_setsid" ]; then hf_find setsid; hf_setsid=$hf_path; fi
  ( eval "$hf_argv"
    set -- "$hf_setsid" /bin/sh -c "$hf_inner" sh "$hf_n" "$hf_cwd" "$@"
    eval "$hf_env"
    exec "$@" <&3 >&4 2>&6 3<&- 4>&- 5>&- 6>&- 7>&- 8<&- )
  hf_rc=$?
  exec 3<&- 4>&- 6>&-
  trap "" PIPE
  hf_kind=exited
  if [ -e "$hf_n.cancel" ]; then hf_kind=cancelled hf_rc=0
  elif [ -e "$hf_n.timeout" ]; then
    hf_kind=timed-out hf_rc=0
    if [ -s "$hf_n.silent" ]; then read -r hf_rc <"$hf_n.silent"; fi
  fi
  if [ "$hf_kind" != exited ]; then
    hf_gone || { hf_say stuck; hf_end; }
  fi
  hf_code=$hf_rc
  if [ ! "$hf_passed" ]; then hf_drain; fi
  if [ "$hf_w2" ]; then kill "$hf_w2"; fi
  if [ "$hf_w3" ]; then kill "$hf_w3"; fi
  # The answer comes last: a connection that is half dead must hold up neither the status nor the lock.
  if [ "$hf_passed" ] && hf_ask end "$hf_kind" "$hf_code"; then
    hf_l1=$hf_a1 hf_l2=$hf_a2
    if [ "$hf_a3" = late ]; then hf_late=x hf_hand=; fi
  else
    hf_sizes
    hf_l1=$hf_s1 hf_l2=$hf_s2
    if [ "$hf_kind" = cancelled ]; then hf_l1=0 hf_l2=0; fi
    hf_write
  fi
  if [ "$hf_op" = run ]; then flock -u 9; fi
  hf_reply
  # Nobody else may be there to reap them: in a container without an init they would stay for ever.
  for hf_p in $hf_w1 $hf_w2 $hf_w3 $hf_r; do
    # After a wait that a signal ended, bash would wait for a child that it reaped already, and so for the readers.
    if kill -s 0 "$hf_p"; then wait "$hf_p"; fi
  done
  if [ "$hf_late" ] || [ "$hf_kind" != exited ]; then hf_discard; fi
}

# Waits for the readers.
hf_drain() {
  read -r hf_x <&5
  exec 5>&-
  kill "$hf_w1"
  wait "$hf_d1"
  if [ ! "$hf_late" ]; then wait "$hf_d2"; fi
  kill -s HUP "$hf_w1"
}

# The command's input is on disk and whole before anything starts: the connection may drop from here on.
hf_input() {
  if [ "$hf_in" -eq 0 ]; then return 0; fi
  head -c "$hf_in" <&8 >"$hf_n.in"
  if [ "$(($(wc -c <"$hf_n.in")))" -eq "$hf_in" ]; then hf_unread=0; return 0; fi
  rm -f "$hf_n.in"
  return 1
}

hf_run() {
  hf_lock wait || { hf_say held; return; }
  if hf_settled; then hf_reply_kept; return; fi
  hf_fenced
  if [ "$hf_v" -gt "$hf_fence" ]; then hf_say voided "$hf_v"; return; fi
  if [ -e "$hf_n.began" ] && read -r hf_b <"$hf_n.began" && [ "$hf_b" -ge "$hf_fence" ]; then hf_say died; return; fi
  if [ -e "$hf_n.cancel" ]; then hf_kind=cancelled hf_code=0 hf_l1=0 hf_l2=0; hf_write; hf_reply; return; fi
  if [ "$hf_secs" -lt 0 ]; then hf_say held; return; fi
  hf_input || return
  if [ "$hf_fence" -gt 0 ]; then rm -f "$hf_n.timeout" "$hf_n.silent"; fi
  hf_scratch
  printf "%s\n" "$hf_fence" >"$hf_n.began" || hf_fail "cannot write in its state directory"
  hf_start
}

hf_once() {
  hf_scratch
  hf_dir=$hf_tmp
  cd "$hf_tmp" && : >holder || hf_fail "cannot write in its state directory"
  if hf_input; then hf_start; fi
}

hf_look() {
  hf_lock wait || { hf_say held; return; }
  if hf_settled; then hf_reply_kept; else hf_absent; fi
}

hf_stop() {
  if hf_lock try; then
    if hf_settled; then hf_reply_kept; else hf_absent; fi
    return
  fi
  : >"$hf_n.$hf_mark"
  # Another run holds the lock: this one waits for it, and will see the mark before it starts.
  hf_holder || { hf_say absent never; return; }
  kill -s TERM -- "-$hf_pid"
  ( hf_timer; if hf_sleep "$hf_grace"; then kill -s KILL -- "-$hf_pid"; fi ) >/dev/null 9>&- &
  hf_k=$!
  hf_secs=$((hf_graces + 10)) hf_time=$hf_secs
  hf_wait || { hf_say stuck; return; }
  kill "$hf_k"
  wait "$hf_k"
  if hf_settled; then hf_reply_kept; else hf_absent; fi
}

# Removes directories in which nothing has happened for hf_age seconds and whose lock is free; at most hf_max of them.
hf_sweep() {
  cd "$hf_base" && touch -d "@$(($(date +%s) - hf_age))" .old || { hf_say swept 0; return; }
  hf_c=0
  for hf_s in *; do
    for hf_d in "$hf_s"/*; do
      if [ -d "$hf_d" ] && [ "$hf_d" -ot .old ] && [ "$hf_c" -lt "$hf_max" ]; then
        ( cd "$hf_d" && { :; } 9>>lock && exec 9>>lock && flock -n 9 && rm -rf "$hf_base/$hf_d" ) && hf_c=$((hf_c + 1))
      fi
    done
  done
  hf_say swept "$hf_c"
}

hf_serve() {
  if [ ! "$hf_base" ]; then
    hf_base=$XDG_STATE_HOME
    if [ ! "$hf_base" ]; then hf_base=$HOME/.local/state; fi
    hf_base=$hf_base/holdfast/runs
  fi
  if [ "$hf_key" ]; then hf_dir=$hf_base/$hf_key; fi
  hf_unread=$hf_in
  case $hf_op in
    run) hf_run ;;
    once) hf_once ;;
    look) hf_look ;;
    stop) hf_stop ;;
    sweep) hf_sweep ;;
  esac
  exec 9>&-
  cd /
  # A command's input that nobody took must never be read as orders.
  if [ "$hf_unread" -gt 0 ]; then hf_end; fi
}

for hf_t in flock setsid mkfifo mktemp mkdir head tail tee wc mv rm sleep sync date touch; do
  command -v "$hf_t" >/dev/null 2>&1 || { hf_say missing "$hf_t"; exit 0; }
done
hf_direct=
if command -v stdbuf >/dev/null; then hf_direct="stdbuf -o0"; fi
hf_nl="
"
hf_boot=
if [ -r /proc/sys/kernel/random/boot_id ]; then read -r hf_boot </proc/sys/kernel/random/boot_id; fi
hf_inner=$1 hf_text=$2 hf_tmp= hf_kept= hf_setsid= hf_buffer= hf_hand= hf_helped=
printf "\n"
hf_say ready $hf_boot
exec 8<&0 0</dev/null
while IFS= read -r hf_orders <&8; do
  if [ "$hf_orders" ]; then
    IFS= read -r hf_argv <&8 && IFS= read -r hf_env <&8 && read -r hf_go <&8 && [ "$hf_go" = go ] || break
    exec 2>/dev/null
    eval "$hf_orders"
    hf_serve
  fi
  hf_say ready $hf_boot
done
hf_end
`;
