# Subshells see the variables and change only their own; their status comes back.
cd "$1" || exit 99
x=outer
(
    echo "inside: $x"
    x=inner
    cd /
    echo "changed: $x in $(pwd)"
    exit 7
)
echo "status $?, x=$x"
[ "$(pwd)" = "$1" ] && echo "directory kept"
( ( ( echo "three deep"; exit 3 ) ; echo "got $?"; exit 2 ); echo "got $?"; exit 1 )
echo "got $?"
f() { y=changed; }
y=kept
(f; echo "in subshell: $y")
echo "after: $y"
f
echo "called: $y"
(set -- a b c; echo "$# args: $*")
echo "$# arg here"
( trap 'echo subshell ends' EXIT; echo working )
z=1; { z=2; }; echo "braces: $z"
(exit 0) && echo yes
(exit 1) || echo no
n=0
while [ $n -lt 20 ]; do
    n=$((n + 1))
    (exit $n)
    [ $? -eq $n ] || echo "lost the status $n"
done
echo "counted $n"
