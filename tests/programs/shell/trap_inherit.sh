# What subshells and children take over from traps: handlers no, ignored signals yes.
cd "$1" || exit 99
trap 'echo "parent handler"' USR1
(kill -USR1 $(sh -c 'echo $PPID'); echo "subshell without the handler lives on?")
echo "subshell: $?"
sh -c 'kill -USR1 $$; echo "not reached"'
echo "child: $?"
trap '' USR2
(sh -c 'kill -USR2 $PPID'; echo "ignored in a subshell")
sh -c 'kill -USR2 $$; echo "ignored in a child"'
sh -c 'trap "echo caught" USR2; kill -USR2 $$; echo "cannot be caught again"'
sh -c 'trap - USR2; kill -USR2 $$; echo "cannot be reset"'
kill -USR1 $$
f() { kill -USR1 $$; echo "in a function"; }
f
trap 'echo "exit of the parent"' EXIT
(echo "no exit trap here")
x=$(echo "nor here"); echo "$x"
(trap 'echo "own exit trap"' EXIT)
trap 'echo one; kill -HUP $$; echo two' USR1
trap 'echo nested' HUP
kill -USR1 $$
trap 'false' HUP; kill -HUP $$; echo "status kept: $?"
true & wait $!
kill -HUP $$; echo end
