# Quotes and escapes: every character through, in words, in patterns, in assignments.
cd "$1" || exit 99
echo 'single $x `y` \ "' "double \$x \`y\` \\ '" back\ slash\"\'\\
echo "a"'b'c\d"e f"'g h'
printf '%s\n' '!' '#' '&' ';' '|' '<' '>' '(' ')' '{' '}' '[' ']' '*' '?' '~' '=' '%' '^'
printf '<%s>' "" '' "a" ''b''; echo
echo "line one
line two" | wc -l
echo joined\
line "and\
 this"
echo a # comment
echo a#b '#' "#"
x='a  b'; echo $x "$x" '$x' \$x
y="$x-'$x'"; echo "$y"
z=$x; echo "$z"
w="it's"; echo "$w" 'it'\''s' "say \"hi\""
echo "$(echo "inner "quotes"")" "`echo \"x y\"`"
echo "${x:+"quoted  inside"}" ${x:+plain  inside}
f='-n'; echo "$f" x
echo -- -e '\t'
for w in "a b" c\ d 'e f'; do printf '[%s]' "$w"; done; echo
printf '%s\n' "tab	kept" 'new
line'
v=\*; echo "$v" '*'; touch file; cd "$1" && echo $v | grep -c file
c='echo "hi there"'; $c; eval $c
printf '%s' 'ends with backslash\' | od -c | tail -n 2 | head -n 1
a=b\ c d="e
f"; echo "$a|$d"
printf '\303\251\n' | od -An -tx1
echo "é ü 漢" | wc -c
