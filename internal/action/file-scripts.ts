// The two sh scripts of `file`: one looks, one replaces or removes. Each is one round trip; content goes in by stdin.
// 1. The new file is made under a name of its own in the same directory, exclusively, with the task's key in the name: what a killed
//    attempt left behind is removed by the next one.
// 2. Its SHA-256 is checked before the rename: an input that was cut short never becomes the file.
// 3. Mode and owner are set before the rename: the name always shows the old file whole or the new file whole.

import { SCRIPT_PROLOGUE } from "./host-script.ts";

/** Arguments: ROOT DIRECTORY NAME WANTED_SHA BYTES_MAX. Prints what is there; its content too when it is not what is wanted, up to BYTES_MAX. */
export const FILE_CHECK_SCRIPT = `${SCRIPT_PROLOGUE}
if ! descend "$dir" ''; then
  echo absent
  exit 0
fi
kind=$(kind_of "./$name")
echo "$kind"
case $kind in
  file) attributes "./$name" ;;
  directory) attributes "./$name"; exit 0 ;;
  *) exit 0 ;;
esac
sum=$(sha256sum < "./$name")
sum=\${sum%% *}
echo "$sum"
[ "$sum" = "$1" ] || head -c "$2" < "./$name"
`;

/** Arguments: ROOT DIRECTORY NAME KEY SHA MODE MODE_OF_NEW OWNER GROUP, content on stdin. Empty MODE, OWNER, GROUP: as the old file has them. */
export const FILE_WRITE_SCRIPT = `${SCRIPT_PROLOGUE}
descend "$dir" '' || refuse 'the directory of the file does not exist; make it first with a "directory" action'
new=./.holdfast.$1.tmp
sha=$2 mode=$3 mode_of_new=$4 owner=$5 group=$6
case $(kind_of "./$name") in
  file)
    [ -n "$mode" ] || mode=$(stat -c %a -- "./$name")
    [ -n "$owner" ] || owner=$(stat -c %u -- "./$name")
    [ -n "$group" ] || group=$(stat -c %g -- "./$name")
    ;;
  absent) [ -n "$mode" ] || mode=$mode_of_new ;;
  *) refuse 'where the file is wanted there is something else, such as a directory or a symbolic link' ;;
esac
trap 'rm -f -- "$new"' EXIT
trap 'exit 143' HUP INT TERM
rm -f -- "$new"
set -C
cat > "$new"
set +C
sum=$(sha256sum < "$new")
if [ "\${sum%% *}" != "$sha" ]; then
  echo 'the content did not arrive whole; nothing was changed' >&2
  exit 1
fi
sync -- "$new"
own "$new" "$owner" "$group"
chmod -- "$mode" "$new"
mv -fT -- "$new" "./$name"
sync -- . 2>/dev/null || sync
`;

/** Arguments: ROOT DIRECTORY NAME. Removes a file, or a link itself. */
export const FILE_REMOVE_SCRIPT = `${SCRIPT_PROLOGUE}
descend "$dir" '' || exit 0
case $(kind_of "./$name") in
  absent) exit 0 ;;
  directory) refuse 'where the file is to be absent there is a directory; use a "directory" action to remove it' ;;
esac
rm -f -- "./$name"
sync -- . 2>/dev/null || sync
`;
