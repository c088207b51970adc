// The shim: the one POSIX-sh program under which every command runs, here and at the far end of SSH. docs/connections.md tells its protocol.
// 1. A run's lock is held exactly while its outcome is not on disk: by the shim, and by the command itself should the shim be killed.
// 2. A status is written whole (temporary file, sync, rename) before the lock is let go; one that is torn does not count.
// 3. A run that `look` called absent never starts later: look leaves a fence (N.void) that a late shim of that run refuses to pass.
// 4. Needs sh, flock, setsid and coreutils, nothing else. No "${" in it (this is a template), no state outside its directory.

import { SHIM_BASE } from "./shim-base.ts";

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

/** The program text: the argument of \`sh -c\`. It says "ready", reads its orders as four lines from stdin, and answers on stdout. */
export const SHIM = String.raw`${SHIM_BASE}
hf_write() {
  if [ "$hf_op" = once ]; then return; fi
  printf "%s\n" "$hf_kind $hf_code $hf_l1 $hf_l2 ." >"$hf_n.tmp" || return
  sync "$hf_n.tmp" "$hf_n.out" "$hf_n.err"
  mv "$hf_n.tmp" "$hf_n.status"
}

# Keeps the bounded beginning of stdout, the beginning and the end of stderr, and swallows the rest: the command neither blocks nor dies of it.
# What was printed is on disk at once, for a process in the background may hold the stream open: cat does not buffer, and head only without stdbuf.
hf_streams() {
  rm -f "$hf_n.o" "$hf_n.e"
  mkfifo "$hf_n.o" "$hf_n.e" || hf_fail "cannot write in its state directory"
  exec 7<>"$hf_n.o" 3<"$hf_n.o" 4>"$hf_n.o"
  exec 7<>"$hf_n.e" 5<"$hf_n.e" 6>"$hf_n.e" 7>&-
  { ulimit -f "$((hf_max / 512 + 1))"; trap "" XFSZ; cat || exec cat >/dev/null; } <&3 >"$hf_n.out" 3<&- 4>&- 5<&- 6>&- 8<&- 9>&- &
  hf_d1=$!
  { $hf_direct head -c "$hf_max"; exec tail -c "$((hf_max + 1))"; } <&5 >"$hf_n.err" 3<&- 4>&- 5<&- 6>&- 8<&- 9>&- &
  hf_d2=$!
  exec 3<&- 5<&-
}

# True when both readers of the output ended or sleep in their read: then what the command printed before its end is on disk. A reader that only
# came too late to it, on a busy machine, is not asleep. Without /proc nobody can tell.
hf_drained() {
  [ -r /proc/self/stat ] || return 0
  hf_i=0
  for hf_p in "$hf_d1" "$hf_d2"; do kill -s 0 "$hf_p" || hf_i=$((hf_i + 1)); done
  for hf_p in /proc/[0-9]*/stat; do
    read -r hf_x <"$hf_p" || continue
    case $hf_x in *"(cat) S "* | *"(head) S "* | *"(tail) S "*) ;; *) continue ;; esac
    set -- $hf_x
    for hf_p in "$1" "$4"; do
      if [ "$hf_p" = "$hf_d1" ] || [ "$hf_p" = "$hf_d2" ]; then hf_i=$((hf_i + 1)); fi
    done
  done
  [ "$hf_i" -ge 2 ]
}

# Ends the command at its timeout. TERM says that the command has ended: then what still holds its output gets one second, until HUP, and the
# readers up to a minute for what was printed before.
hf_watch() {
  ( hf_timer
    if hf_sleep "$hf_time"; then
      if flock -n 7; then exit; fi
      hf_end_group timeout
      if [ ! "$hf_told" ]; then hf_sleep 60; fi
    fi
    if [ "$hf_told" = x ]; then
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

# A read-only command ends with its connection: nobody would learn what it says.
hf_tie() {
  ( read -r hf_x; hf_timer; hf_end_group cancel ) <&8 >/dev/null 4>&- 6>&- 8<&- 9>&- &
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
  hf_streams
  hf_w2=
  trap : USR1
  hf_watch
  if [ "$hf_op" = once ]; then hf_tie; fi
  exec 8<&-
  if [ "$hf_in" -gt 0 ]; then exec 0<"$hf_n.in"; else exec 0</dev/null; fi
  rm -f "$hf_n.o" "$hf_n.e" "$hf_n.in" 9>&- &
  hf_r=$!
  ( hf_find setsid
    eval "$hf_argv"
    set -- "$hf_path" /bin/sh -c "$hf_inner" sh "$hf_n" "$hf_cwd" "$@"
    eval "$hf_env"
    exec "$@" >&4 2>&6 4>&- 6>&- )
  hf_rc=$?
  exec 4>&- 6>&-
  trap "" PIPE
  hf_kind=exited
  if [ -e "$hf_n.cancel" ]; then hf_kind=cancelled hf_rc=0
  elif [ -e "$hf_n.timeout" ]; then hf_kind=timed-out hf_rc=0
  fi
  if [ "$hf_kind" != exited ]; then
    hf_gone || { hf_say stuck; exit 0; }
  fi
  kill "$hf_w1"
  wait "$hf_d1" && wait "$hf_d2"
  kill -s HUP "$hf_w1"
  if [ "$hf_w2" ]; then kill "$hf_w2"; fi
  hf_sizes
  hf_code=$hf_rc hf_l1=$hf_s1 hf_l2=$hf_s2
  if [ "$hf_kind" = cancelled ]; then hf_l1=0 hf_l2=0; fi
  # In the background: a connection that is half dead must hold up neither the status nor the lock.
  hf_reply 9>&- &
  hf_w3=$!
  hf_write
  flock -u 9
  # Nobody else may be there to reap them: in a container without an init they would stay for ever.
  wait "$hf_w1" $hf_w2 "$hf_w3" "$hf_r"
}

# The command's input is on disk and whole before anything starts: the connection may drop from here on.
hf_input() {
  if [ "$hf_in" -eq 0 ]; then return 0; fi
  head -c "$hf_in" <&8 >"$hf_n.in"
  if [ "$(($(wc -c <"$hf_n.in")))" -eq "$hf_in" ]; then return 0; fi
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
  if [ "$hf_fence" -gt 0 ]; then rm -f "$hf_n.timeout"; fi
  printf "%s\n" "$hf_fence" >"$hf_n.began" || hf_fail "cannot write in its state directory"
  hf_start
}

hf_once() {
  if [ ! "$hf_dir" ]; then
    { [ -d "$hf_base/tmp" ] || { mkdir -p -m 700 "$hf_base" && mkdir -p "$hf_base/tmp"; }; } && hf_dir=$(mktemp -d "$hf_base/tmp/XXXXXXXX") ||
      hf_fail "cannot make its state directory"
  fi
  hf_lock wait
  if hf_input; then hf_start; fi
  rm -rf "$hf_dir"
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

for hf_t in flock setsid mkfifo mktemp mkdir head tail cat wc mv rm sleep sync date touch; do
  command -v "$hf_t" >/dev/null 2>&1 || { hf_say missing "$hf_t"; exit 0; }
done
hf_direct=
if command -v stdbuf >/dev/null; then hf_direct="stdbuf -o0"; fi
hf_nl="
"
printf "\n"
hf_say ready
IFS= read -r hf_orders && IFS= read -r hf_argv && IFS= read -r hf_env && read -r hf_go && [ "$hf_go" = go ] || exit 0
exec 2>/dev/null 8<&0 0</dev/null
eval "$hf_orders"
if [ ! "$hf_base" ]; then
  hf_base=$XDG_STATE_HOME
  if [ ! "$hf_base" ]; then hf_base=$HOME/.local/state; fi
  hf_base=$hf_base/holdfast/runs
fi
if [ "$hf_key" ]; then hf_dir=$hf_base/$hf_key; fi
hf_inner=$1
case $hf_op in
  run) hf_run ;;
  once) hf_once ;;
  look) hf_look ;;
  stop) hf_stop ;;
  sweep) hf_sweep ;;
esac
`;
