# eval: code from strings, indirect variables, quoting made and undone, loops, status.
cd "$1" || exit 99
eval 'echo one; echo two'
name=colour; eval "$name=blue"; eval "echo \$$name"
for i in 1 2 3; do eval "item_$i=\$((i * 10))"; done
for i in 1 2 3; do eval "printf '%s ' \"\$item_$i\""; done; echo
cmd='echo "a  b"'; $cmd; eval "$cmd"
eval "f_$i() { echo generated \$1; }"; f_3 call
eval; echo "empty: $?"
eval false; echo "status $?"
eval 'exit_in_sub=$(exit 6)'; echo "status $?"
quote() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"; }
s="it's \"hard\" \$to \`quote\` \\"
eval "t=$(quote "$s")"; [ "$s" = "$t" ] && echo "round trip: $t"
set -- "a b" c "d'e"
saved=; for a in "$@"; do saved="$saved $(quote "$a")"; done
set --; eval "set -- $saved"; echo "$#: <$1> <$2> <$3>"
push() { eval "stack_$top=\$1"; top=$((top + 1)); }
pop() { top=$((top - 1)); eval "popped=\$stack_$top"; }
top=0; push x; push 'y z'; pop; echo "$popped"; pop; echo "$popped $top"
eval 'for j in a b; do
    echo "loop $j"
done'
eval "eval 'echo nested'"
x='$y'; y=value; eval "echo $x"
eval 'cat <<END
document with $y
END'
eval echo \$\{x\} '"$x"'
(eval 'if') 2>/dev/null; [ $? -ne 0 ] && echo "syntax error found"
