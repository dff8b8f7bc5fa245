# Command substitution: nesting, trailing newlines, quoting, status, size, both forms.
cd "$1" || exit 99
echo "$(echo one)" `echo two` "$(echo "in \"quotes\"")"
x=$(printf 'trailing\n\n\n'); echo "<$x>"
x=$(printf 'a\nb\n'); echo "<$x>"; echo $x
x=$(exit 3); echo "status $?"
x=$(false) || echo "failed"
echo "$(echo $(echo $(echo $(echo deep))))"
echo `echo \`echo back\``
y=$(x=inside; echo $x); echo "$y <$x>"
set -- $(echo a b c); echo $#
n=$(seq 1 20000 | wc -l); echo "lines: $n"
big=$(seq 1 20000); echo "length ${#big}"
echo "$big" | cksum
echo "$(cat <<END
from a document
END
)"
echo "$( (echo sub; echo shell) | tr '\n' ' ')"
echo "$(for i in 1 2 3; do echo $((i * i)); done | paste -s -d+ -)"
echo "$(case x in x) echo matched ;; esac)"
f() { echo "f:$1"; return 2; }
r=$(f arg); echo "$r $?"
echo "$(echo err >&2; echo out)" 2>/dev/null
r=$(echo err 2>&1 >/dev/null); echo "<$r>"
r=$( { echo err >&2; echo out; } 2>&1 >/dev/null); echo "<$r>"
<<END cat
$(echo expanded) in a document
END
printf '%s\n' file >f; echo "$(cat f)" "$(cat <f)"
