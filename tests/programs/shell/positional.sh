# Positional parameters: set, shift, "$@" in every place, many of them, loops by hand.
cd "$1" || exit 99
shift
echo "$# left"
set -- one 'two words' '' four
for a; do printf '<%s>' "$a"; done; echo
for a in pre "$@" post; do printf '<%s>' "$a"; done; echo
for a in "x$@y"; do printf '<%s>' "$a"; done; echo
while [ $# -gt 0 ]; do printf '%s,' "$1"; shift; done; echo
set -- 1 2 3 4 5 6 7 8 9 10 11 12
echo "${10} ${11} $10 ${12}"
shift 3; echo "$1 $#"
(shift 20 2>/dev/null); echo "too far: $([ $? -ne 0 ] && echo refused)"
set -- "$@" more; echo "$# ${10}"
set -- -x -y; echo "$1 $2"
set -- $(seq 1 500); echo "$# ${500}"
sum=0; for i; do sum=$((sum + i)); done; echo $sum
rev=; for i in a b c d; do rev="$i $rev"; done; set -- $rev; echo "$*"
f() { echo "f: $# $*"; shift; g "$@"; }
g() { echo "g: $# $*"; set -- changed; echo "$1"; }
set -- outer; f 1 '2 3' 4; echo "$1"
sh -c 'echo "$0 $# $1 $2"' name first 'second arg'
sh -c 'echo "$0"; shift; echo "$@"' a b c d
printf 'echo "$# $1"\n' >s.sh; sh s.sh 'x y' z
set --; echo "${@:-none} $#"
