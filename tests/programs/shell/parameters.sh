# Parameter expansion: defaults, lengths, prefixes and suffixes, nesting, quoting.
cd "$1" || exit 99
unset u; e=; s=value
echo "${u-def} ${u:-def} ${e-def} ${e:-def} ${s-def} ${s:-def}"
echo "<${u+alt}> <${u:+alt}> <${e+alt}> <${e:+alt}> <${s+alt}> <${s:+alt}>"
echo "${u=assigned} $u"; echo "${e:=filled} $e"
(echo "${missing?has no value}") 2>/dev/null; [ $? -ne 0 ] && echo "error for unset"
echo "${#s} ${#u} ${#}"
path=/usr/local/lib/name.tar.gz
echo "${path##*/} ${path#*/} ${path%/*} ${path%%/*}|"
echo "${path%.gz} ${path%.*} ${path%%.*} ${path##*.}"
f='a b  c'; echo $f; echo "$f"; echo "${f#a }" "${f% *}"
echo "${u#ass}${u%ned}" "${s#*a}" "${s%a*}" "${s#z}"
p='*/'; echo "${path##$p}" "${path##"$p"}"
echo "${s:-${u:-deep}} ${none:-${none2:-$(echo sub)}}"
set -- one two 'three four'
echo "$1 $2 $3 $#"; echo "${3%% *}" "${#3}"
for a in "$@"; do printf '<%s>' "$a"; done; echo
for a in "$*"; do printf '<%s>' "$a"; done; echo
for a in $*; do printf '<%s>' "$a"; done; echo
IFS=-; echo "$*"; unset IFS
shift; echo "$1 $#"
set --; echo "$# <${1-none}> <$*>"
v=quote\"d; echo "$v" '$v' "\$v" "${v%\"*}"
long=$(printf '%01000d' 0); echo ${#long}
x=aXbXc; echo ${x%X*} ${x%%X*} ${x#*X} ${x##*X}
echo "~" ~root ${HOME}
