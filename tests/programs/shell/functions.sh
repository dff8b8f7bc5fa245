# Functions: arguments, return values, locals, redirection of a whole function, redefinition.
cd "$1" || exit 99
greet() { echo "hello $1, $# arguments"; return 4; }
greet world two; echo "returned $?"
outer() {
    local v=local
    inner
    echo "outer: $v"
}
inner() { v=changed-by-inner; }
v=global
outer
echo "global: $v"
args() { for a in "$@"; do printf '<%s>' "$a"; done; echo; }
args one 'two words' '' '*'
set -- keep these
args x y
echo "$@"
out() { echo to-out; echo to-err >&2; } >captured
out 2>errors
cat captured errors
f() { echo old; }
f
f() { echo new; }
f
unset -f f
f 2>/dev/null; echo "unset: $?"
piped() { while read -r l; do echo "[$l]"; done; }
printf 'a\nb\n' | piped
status() { false; }
status || echo "last command decides"
early() { for i in 1 2 3; do [ $i = 2 ] && return 7; echo "i=$i"; done; }
early; echo "early: $?"
sub() ( cd /; x=lost; echo "in $(pwd)" )
x=kept; sub; echo "$x"
max() { if [ $1 -gt $2 ]; then echo $1; else echo $2; fi; }
echo $(max $(max 3 9) $(max 7 4))
