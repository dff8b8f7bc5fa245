# Field splitting by IFS: blanks, other characters, empty fields, only for expansions.
cd "$1" || exit 99
show() { printf '%s:' $#; for a in "$@"; do printf '<%s>' "$a"; done; echo; }
v='  a  b	c
d '
show $v
show "$v"
IFS=:
p=/bin:/usr/bin::/sbin:
show $p
for d in $p; do printf '[%s]' "$d"; done; echo
show a:b:c
x=a:b:c; show $x "$x" pre$x
IFS=' :'
y='a : b:c  d'; show $y
IFS=
show $v$p
IFS=x; w=1x2xx3; show $w; show 1x2
unset IFS; show $w $v
IFS=,
set -- a b c; echo "$*"; show $*; show "$@"
line='name,"quoted,comma",last'; show $line
j=$*; echo "$j"
unset IFS
old=$IFS
csv='1,alice,30
2,bob,25'
echo "$csv" | while IFS=, read -r id name age; do echo "$name is $age ($id)"; done
IFS=/; set -- $(echo usr/share/doc); unset IFS; show "$@"
e=; show $e; show "$e"; show $e x
show ${e:-a b} "${e:-a b}"
n='
'; IFS=$n; show $(printf 'l 1\nl 2\n'); unset IFS
