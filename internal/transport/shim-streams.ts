// The shim's middle, as text: the scratch directory of a session, and the pipes and readers of a command's output in it.
// 1. The command neither blocks nor dies of what it prints, and what was printed is on disk at once: a process in the background may hold a pipe.
// 2. POSIX sh only; "$" followed by "{" is written with an interpolation, because this is a template.

/** What keeps the output of commands. */
export const SHIM_STREAMS = String.raw`
# The session's own directory: the pipes of its commands, and what a read-only one leaves. It is used again as long as nobody else can hold
# an end of the pipes. Its lock keeps it from a sweep; who uses it once, and has a lock elsewhere, needs none.
hf_scratch() {
  if [ "$hf_tmp" ] || [ "$hf_op" = once ]; then hf_wanted=y; else hf_wanted=; fi
  if [ "$hf_tmp" ] && [ ! "$hf_helped" ]; then hf_help; fi
  if [ "$hf_tmp" ] && [ ! "$hf_hand" ] && [ "$hf_direct" ] && [ ! "$hf_buffer" ]; then
    hf_buffer=$($hf_direct sh -c 'printf "%s\n" "$_STDBUF_O:$LD_PRELOAD"')
    hf_preload=${"$"}{hf_buffer#0:}
  fi
  if [ ! "$hf_tmp" ]; then
    { [ -d "$hf_base/tmp" ] || { mkdir -p -m 700 "$hf_base" && mkdir -p "$hf_base/tmp"; }; } && hf_tmp=$(mktemp -d "$hf_base/tmp/XXXXXXXX") &&
      mkfifo "$hf_tmp/o" "$hf_tmp/e" "$hf_tmp/w" || hf_fail "cannot make its state directory"
  fi
  if [ "$hf_wanted" ] && [ ! "$hf_kept" ]; then
    { :; } 7>>"$hf_tmp/lock" || hf_fail "cannot write in its state directory"
    exec 7>>"$hf_tmp/lock"
    flock -n 7
    hf_kept=y
  fi
}

hf_discard() {
  hf_dismiss
  if [ "$hf_tmp" ]; then rm -rf "$hf_tmp"; fi
  exec 7>&-
  hf_tmp= hf_kept= hf_helped=
}

# Starts the hand, if the target can have one. It keeps the scratch directory's lock; its answers come on 7, which ends when it does.
hf_help() {
  hf_helped=y hf_kept= hf_at=$hf_base
  command -v perl >/dev/null && mkfifo "$hf_tmp/p" "$hf_tmp/q" || return
  exec 4<>"$hf_tmp/p" 7<>"$hf_tmp/q" 3>"$hf_tmp/q" 7<"$hf_tmp/q"
  perl -e "$hf_text" "$$" "$hf_base" "$hf_tmp" <&4 >&3 3>&- 4>&- 7<&- 8<&- 9>&- &
  hf_hand=$!
  exec 3>&- 4>&-
  if read -r hf_said <&7 && [ "$hf_said" = ok ]; then hf_kept=y; else hf_dismiss; fi
}

# Asks the hand to do something. False: it has not been done.
hf_ask() {
  if [ ! "$hf_hand" ] || [ "$hf_base" != "$hf_at" ]; then return 1; fi
  printf "%s\n" "$*" 1<>"$hf_tmp/p"
  read -r hf_said hf_a1 hf_a2 hf_a3 <&7 || hf_dismiss
  [ "$hf_said" = ok ]
}

hf_dismiss() {
  if [ ! "$hf_hand" ]; then return; fi
  kill "$hf_hand"
  wait "$hf_hand"
  exec 7>&-
  hf_hand= hf_kept=
}

# head, unbuffered. What stdbuf sets for it is learnt when a second command needs it: then no command has to start stdbuf.
hf_head() {
  case $hf_buffer in
    0:?*) _STDBUF_O=0 LD_PRELOAD=$hf_preload head -c "$hf_max" ;;
    *) $hf_direct head -c "$hf_max" ;;
  esac
}

# Gives the command's output, and its time, to the hand. That one opens its ends of the pipes while ours are open for both: nothing waits for the other.
hf_pass() {
  if [ ! "$hf_hand" ] || [ "$hf_pulse" ]; then return 1; fi
  exec 4<>"$hf_tmp/o" 6<>"$hf_tmp/e"
  hf_k=-
  if [ "$hf_op" = run ]; then hf_k=$hf_key; fi
  if hf_ask begin "$hf_k" "$hf_n" "$hf_max" "$hf_time" "$hf_grace"; then exec 4>"$hf_tmp/o" 6>"$hf_tmp/e"; return 0; fi
  exec 4>&- 6>&-
  return 1
}

# Keeps the bounded beginning of stdout, the beginning and the end of stderr, and swallows the rest: the command neither blocks nor dies of it.
# What was printed is on disk at once, for a process in the background may hold the stream open: tee does not buffer, and goes on to read when
# its file has reached the limit; head buffers unless stdbuf tells it not to.
hf_streams() {
  exec 4<>"$hf_tmp/o" 3<"$hf_tmp/o" 4>"$hf_tmp/o"
  exec 6<>"$hf_tmp/e" 5<"$hf_tmp/e" 6>"$hf_tmp/e"
  { ulimit -f "$((hf_max / 512 + 1))"; trap "" XFSZ; exec tee "$hf_n.out" >/dev/null; } <&3 3<&- 4>&- 5<&- 6>&- 7>&- 8<&- 9>&- &
  hf_d1=$!
  { hf_head; if [ -s "$hf_n.err" ] || [ "$hf_max" -eq 0 ]; then exec tail -c "$((hf_max + 1))"; fi; } <&5 >"$hf_n.err" 3<&- 4>&- 5<&- 6>&- 7>&- 8<&- 9>&- &
  hf_d2=$!
  exec 3<&- 5<&-
}

# Sets hf_heard to what changes when the command prints: what is kept of its output, and how much its readers have read, which goes on where no more is kept.
hf_hear() {
  hf_heard=$(wc -c "$hf_n.out" "$hf_n.err")
  for hf_p in "$hf_d1" "$hf_d2"; do
    if read -r hf_x <"/proc/$hf_p/io"; then hf_heard="$hf_heard $hf_x"; fi
  done
}

# True when both readers of the output have ended, and wait only to be reaped. Without /proc nobody can tell.
hf_ended() {
  [ -r /proc/self/stat ] || return 1
  for hf_p in "$hf_d1" "$hf_d2"; do
    if read -r hf_x <"/proc/$hf_p/stat"; then case $hf_x in *") Z "*) ;; *) return 1 ;; esac; fi
  done
}

# True when both readers of the output ended or sleep in their read: then what the command printed before its end is on disk. A reader that only
# came too late to it, on a busy machine, is not asleep. Without /proc nobody can tell.
hf_drained() {
  [ -r /proc/self/stat ] || return 0
  hf_i=0
  for hf_p in "$hf_d1" "$hf_d2"; do kill -s 0 "$hf_p" || hf_i=$((hf_i + 1)); done
  for hf_p in /proc/[0-9]*/stat; do
    read -r hf_x <"$hf_p" || continue
    case $hf_x in *"(tee) S "* | *"(head) S "* | *"(tail) S "*) ;; *) continue ;; esac
    set -- $hf_x
    for hf_p in "$1" "$4"; do
      if [ "$hf_p" = "$hf_d1" ] || [ "$hf_p" = "$hf_d2" ]; then hf_i=$((hf_i + 1)); fi
    done
  done
  [ "$hf_i" -ge 2 ]
}
`;
