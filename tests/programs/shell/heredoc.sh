# Here-documents: expansion, quoting, tabs, several at once, in loops and functions, large.
cd "$1" || exit 99
name=world
cat <<END
hello $name, $((6 * 7)), $(echo nested), \$name, back\\slash
  spaces kept
END
cat <<'END'
nothing is expanded: $name $(false) `false` \n
END
cat <<-END
	tabs are taken off
		two of them
	END
cat <<A; cat <<B
first
A
second
B
f() {
    cat <<END
in a function: $1 and $2
END
}
f one "two words"
while read -r a b; do echo "<$b $a>"; done <<END
1 one
2 two
3 three
END
tr a-z A-Z <<END | sed 's/^/> /'
piped
on
END
cat <<END >file
written ${name:+to} a file
END
cat file
{
    i=0
    echo "cat <<END | wc"
    while [ $i -lt 3000 ]; do
        echo "line $i of a document larger than a page, so that it does not fit in one buffer"
        i=$((i + 1))
    done
    echo END
} >large
. ./large
cat <<END
$(cat <<INNER
document in a document
INNER
)
END
cat 3<<END <&3
on another descriptor
END
