# read: splitting, IFS, backslashes, -r, end of input, several variables.
cd "$1" || exit 99
echo '  one   two three  four ' | { read a b c; echo "<$a><$b><$c>"; }
echo '  one   two  ' | { IFS= read -r line; echo "<$line>"; }
echo 'a:b::c' | { IFS=: read -r a b c d; echo "<$a><$b><$c><$d>"; }
echo 'a:b:c:d' | { IFS=: read -r a b; echo "<$a><$b>"; }
printf 'back\\slash\\\ncontinued\n' | { read line; echo "<$line>"; }
printf 'back\\slash\\\nnext\n' | { read -r line; echo "<$line>"; }
printf 'no newline' | { read -r line; echo "status $? <$line>"; }
printf '' | { read -r line; echo "status $? <$line>"; }
printf '1\n2\n3\n' >numbers
while read -r n; do printf '%s,' "$n"; done <numbers; echo
exec 3<numbers
read -r first <&3; read -r second <&3
echo "$first then $second"
cat <&3
exec 3<&-
printf 'x y\n' | while read -r a b; do echo "b=$b a=$a"; done
IFS=, ; set -- $(echo 'p,q r,s'); echo "$#: <$1><$2><$3>"
unset IFS
echo 'a-b_c' | { IFS=-_ read -r x y z; echo "$x$y$z"; }
printf 'k1=v1\nk2=v 2\nk3\n' | while IFS='=' read -r key value; do echo "[$key]=[$value]"; done
read -r nothing </dev/null; echo "null: $? <$nothing>"
