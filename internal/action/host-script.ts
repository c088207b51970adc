// What the sh scripts of `file` and `directory` share: how they walk to a place without leaving the root, and how they refuse.
// 1. A script runs as `sh -c SCRIPT holdfast ROOT DIRECTORY NAME …`; arguments are never spliced into its text.
// 2. It enters each directory with `cd -P` and asks the kernel where it then is; after that everything is relative to a working
//    directory, which no link can swap. sh cannot do more: somebody who may rename directories inside the root while it runs
//    can still move the one it stands in.
// 3. Exit status 90 is a refusal: trying again cannot help. POSIX sh and coreutils are all it needs.

/** The exit status by which a script says that trying again cannot help. */
export const REFUSED_STATUS = 90;

/** The beginning of every script: sets root, dir and name, and leaves the other arguments in "$@". */
export const SCRIPT_PROLOGUE = `set -eu
unset CDPATH
LC_ALL=C
export LC_ALL
umask 077
root=$1 dir=$2 name=$3
shift 3
refuse() {
  printf '%s\\n' "$1" >&2
  exit ${REFUSED_STATUS}
}
within() {
  [ -n "$root" ] || return 0
  case "$(pwd -P)/" in
    "$root"/*) ;;
    *) refuse 'the path leads out of the root through a link; name the place itself' ;;
  esac
}
# Enters the directory $1 step by step; what is missing is made with $2 (a command), or is status 1.
descend() {
  rest=$1
  if [ -n "$root" ]; then
    cd -P -- "$root" || refuse 'the root of the target does not exist or cannot be entered; see its connection in the inventory'
    root=$(pwd -P)
    [ "$root" != / ] || root=
  else
    cd /
  fi
  while [ -n "$rest" ]; do
    part=\${rest%%/*}
    case $rest in
      */*) rest=\${rest#*/} ;;
      *) rest= ;;
    esac
    if [ ! -e "./$part" ] && [ ! -L "./$part" ]; then
      [ -x . ] || refuse 'a directory of the path cannot be entered: permission denied'
      [ -n "$2" ] || return 1
      "$2" "./$part"
    fi
    cd -P -- "./$part" 2>/dev/null || refuse 'a directory of the path is not one, or cannot be entered'
    within
  done
}
kind_of() {
  if [ -L "$1" ]; then echo link
  elif [ -f "$1" ]; then echo file
  elif [ -d "$1" ]; then echo directory
  elif [ -e "$1" ]; then echo other
  else echo absent
  fi
}
# Prints mode, uid, gid, size, owner and group, a line each.
attributes() {
  stat -c '%a
%u
%g
%s
%U
%G' -- "$1"
}
own() {
  want=\${2:-}\${3:+:$3}
  [ -n "$want" ] || return 0
  [ "$want" = "$(stat -c '%U:%G' -- "$1")" ] || [ "$want" = "$(stat -c '%u:%g' -- "$1")" ] || chown -h -- "$want" "$1"
}
`;
