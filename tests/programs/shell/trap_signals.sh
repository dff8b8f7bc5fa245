# Traps on signals that the shell sends to itself; ignored signals; traps reset.
cd "$1" || exit 99
trap 'echo "got USR1"' USR1
trap 'echo "got USR2"; count=$((count + 1))' USR2
trap 'echo "got HUP"' HUP
count=0
kill -USR1 $$
echo after-usr1
for i in 1 2 3; do kill -USR2 $$; done
echo "count=$count"
kill -HUP $$
trap '' TERM
kill -TERM $$
echo "TERM is ignored"
sh -c 'kill -TERM $$; echo "ignored in the child, too"'
trap - TERM
sh -c 'kill -TERM $$; echo "not reached"'
echo "child ended with $?"
trap 'echo "handler 1"' INT
trap 'echo "handler 2"' INT
kill -INT $$
(
    trap 'echo "in the subshell"' USR1
    sh -c "kill -USR1 $(sh -c 'echo $PPID')"
    :
)
f() { trap 'echo "set in a function"' USR1; }
f
kill -USR1 $$
trap - USR1 USR2 HUP INT
echo end
