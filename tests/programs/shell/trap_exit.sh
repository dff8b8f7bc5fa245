# exit=9
# A trap on EXIT runs once, whatever ends the shell, and sees the status.
cd "$1" || exit 99
cleanup() {
    status=$?
    echo "cleanup with $status"
    rm -f work.tmp
    [ -e work.tmp ] || echo "work.tmp is gone"
}
(
    trap 'echo "first: $?"' EXIT
    exit 4
)
echo "status $?"
(
    trap 'echo "second"; exit 6' EXIT
    exit 5
)
echo "the trap's own exit: $?"
(
    trap 'echo never' EXIT
    trap - EXIT
    echo "trap taken back"
)
sh -c 'trap "echo from sh" EXIT; echo body; false'
echo "status $?"
sh -c 'trap "echo unset in" EXIT; : ${nothing:?is missing}; echo not reached' 2>/dev/null
[ $? -ne 0 ] && echo "an error ends it, too"
trap cleanup EXIT
: >work.tmp
[ -e work.tmp ] && echo "work.tmp is there"
exit 9
