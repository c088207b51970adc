// The shim's lower half, as text: its lock, statuses, fences and the ending of process groups. shim.ts puts it before the part that runs things.
// 1. POSIX sh only; "$" followed by "{" is written with an interpolation, because this is a template.

/** The functions that every operation of the shim shares. */
export const SHIM_BASE = String.raw`hf_say() { printf "HOLDFAST1 %s\n" "$*"; }

# A timer is a subshell that begins with hf_timer and sleeps with hf_sleep; TERM or HUP wakes it, and then hf_sleep fails. Its sleep is ended with
# KILL, which a process that is only just being made cannot miss, and is waited for: no orphan stays, not even where no init would reap it.
hf_timer() { hf_told= hf_known= hf_s=; trap "hf_told=x\$hf_told; kill -s KILL \"\$hf_s\"" TERM HUP; }
hf_sleep() {
  sleep "$1" &
  hf_s=$!
  if [ "$hf_told" = "$hf_known" ]; then wait "$hf_s"; fi
  if [ "$hf_told" = "$hf_known" ]; then return 0; fi
  kill -s KILL "$hf_s"
  while kill -s 0 "$hf_s"; do wait "$hf_s"; done
  return 1
}

# The lock is waited for in a child: the open file, and so the lock, is shared with us. Leaves what is left of the time in hf_time.
hf_wait() {
  hf_t0=$(date +%s)
  flock 9 &
  hf_f=$!
  ( hf_timer; if hf_sleep "$hf_time"; then kill "$hf_f"; fi ) >/dev/null 9>&- &
  hf_w=$!
  wait "$hf_f" && hf_got=y || hf_got=
  kill "$hf_w"
  wait "$hf_w"
  if [ "$hf_got" ]; then
    hf_left=$((hf_secs - $(date +%s) + hf_t0))
    if [ "$hf_left" -lt "$hf_secs" ]; then hf_time=$hf_left hf_secs=$hf_left; fi
    return 0
  fi
  return 1
}

# Opens and takes the lock of the run's directory; again when a sweep removed the directory meanwhile.
hf_lock() {
  while :; do
    [ -d "$hf_dir" ] || hf_ask make "$hf_key" || { { [ -d "$hf_base" ] || mkdir -p -m 700 "$hf_base"; } && mkdir -p "$hf_dir"; } || hf_fail "cannot make its state directory"
    cd "$hf_dir" || hf_fail "cannot enter its state directory"
    { :; } 9>>lock || hf_fail "cannot write in its state directory"
    exec 9>>lock
    if [ "$1" = try ]; then flock -n 9 || return 1; else flock -n 9 || hf_wait || return 1; fi
    if [ -e lock ]; then return 0; fi
  done
}

hf_fail() { hf_say failed "$1" "$hf_dir"; hf_end; }

# The end of the shim itself, which leaves no scratch directory behind.
hf_end() { cd /; hf_dismiss; if [ "$hf_tmp" ]; then rm -rf "$hf_tmp"; fi; exit 0; }

# Reads a whole status of run hf_n, if there is one, into hf_kind hf_code hf_l1 hf_l2.
hf_settled() {
  [ -f "$hf_n.status" ] && read -r hf_kind hf_code hf_l1 hf_l2 hf_end <"$hf_n.status" && [ "$hf_end" = . ]
}

hf_sizes() {
  hf_s1=0 hf_s2=0
  if [ -s "$hf_n.out" ] || [ -s "$hf_n.err" ]; then
    set -- $(wc -c "$hf_n.out" "$hf_n.err")
    hf_s1=$1 hf_s2=$3
    if [ "$hf_s1" -gt "$((hf_max + 1))" ]; then hf_s1=$((hf_max + 1)); fi
  fi
}

hf_reply() {
  hf_say "$hf_kind" "$hf_code" "$hf_l1" "$hf_l2"
  if [ "$hf_l1" -gt 0 ]; then head -c "$hf_l1" "$hf_n.out"; fi
  if [ "$hf_l2" -gt 0 ]; then head -c "$hf_l2" "$hf_n.err"; fi
}

# Answers with a status that was written before; its output may have been lost with a machine's power.
hf_reply_kept() {
  hf_sizes
  if [ "$hf_s1" -lt "$hf_l1" ]; then hf_l1=$hf_s1; fi
  if [ "$hf_s2" -lt "$hf_l2" ]; then hf_l2=$hf_s2; fi
  hf_reply
}

hf_fenced() { hf_v=0; if [ -f "$hf_n.void" ]; then read -r hf_v <"$hf_n.void"; fi; }

# With the lock in hand and no status: whoever comes later with an older fence must not start.
hf_absent() {
  hf_fenced
  printf "%s\n" "$((hf_v + 1))" >"$hf_n.void.tmp" && mv "$hf_n.void.tmp" "$hf_n.void" || hf_fail "cannot write in its state directory"
  if [ -e "$hf_n.began" ]; then hf_say absent died; else hf_say absent never; fi
}

# Sets hf_pid to the process group of run hf_n, if it is the one that holds the lock.
hf_holder() {
  hf_i=0
  until hf_pid=; read -r hf_who hf_pid <holder && [ "$hf_who" = "$hf_n" ] && [ "$hf_pid" ]; do
    hf_i=$((hf_i + 1))
    if [ "$hf_i" -gt 50 ]; then return 1; fi
    sleep 0.02
  done
}

# In a timer: ends the command's group. The mark comes first: a command that is only just starting sees it instead of the signal.
hf_end_group() {
  : >"$hf_n.$1"
  hf_holder || return 0
  kill -s TERM -- "-$hf_pid"
  if hf_sleep "$hf_grace"; then kill -s KILL -- "-$hf_pid"; fi
}

# True when a process of the group is alive; one that only nobody has reaped is not.
hf_lives() {
  kill -s 0 -- "-$hf_pid" || return 1
  [ -r /proc/self/stat ] || return 0
  for hf_p in /proc/[0-9]*/stat; do
    read -r hf_x <"$hf_p" || continue
    set -- ${"$"}{hf_x##*) }
    if [ "$3" = "$hf_pid" ] && [ "$1" != Z ] && [ "$1" != X ]; then return 0; fi
  done
  return 1
}

# Waits for the end of a group that is being ended: the grace, and two seconds for the kernel.
hf_gone() {
  hf_holder || return 0
  hf_i=0
  while hf_lives; do
    hf_i=$((hf_i + 1))
    if [ "$hf_i" -gt "$(((hf_graces + 2) * 20))" ]; then return 1; fi
    sleep 0.05
  done
}
`;
