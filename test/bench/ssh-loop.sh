#!/bin/bash
# What a careful person would write: one ssh for each host name on stdin, at most $2 at one time, and each with a connection of its own.
#   ssh-loop.sh CONFIG PARALLEL COMMAND… <NAMES
config=$1 parallel=$2 running=0 failed=0
shift 2
while read -r name; do
  if [ "$running" -ge "$parallel" ]; then
    wait -n || failed=1
    running=$((running - 1))
  fi
  ssh -F "$config" "$name" "$@" </dev/null &
  running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
  wait -n || failed=1
  running=$((running - 1))
done
exit "$failed"
