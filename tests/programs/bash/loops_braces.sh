# C-style loops, brace expansion, select of forms that only bash has, arithmetic commands.
cd "$1" || exit 99
for ((i = 0, j = 10; i < j; i += 3, j--)); do echo "$i $j"; done
echo {1..5} {a..e} {01..03} {10..1..3} x{a,b{1,2}}y {,pre}fix
((x = 5, y = x ** 2, z = y << 1)); echo "$x $y $z $((2 ** 10)) $((16#ff)) $((2#1010))"
((x > 3)) && echo "greater"; ((0)) || echo "zero is false"
let "x += 2" x++; echo $x; echo $((x++ + ++x)) $x
i=0; while ((i++ < 3)); do [[ $i == 2 ]] && continue; echo "i=$i"; done
case b in a) echo a ;; b) echo b ;& c) echo "fell to c" ;; d) echo d ;; esac
case b in [a-c]) echo first ;;& [b-d]) echo second ;; esac
f() { echo "${FUNCNAME[0]} from ${FUNCNAME[1]} at ${BASH_LINENO[0]}"; }; g() { f; }; g
time_it() { local TIMEFORMAT=; time true; }; time_it 2>/dev/null; echo "timed"
until ((--x < 5)); do :; done; echo $x
printf '%s\n' {z..w}; touch f{1..3}.{c,h}; echo f?.[ch]
shopt -s nullglob; echo none*.x; shopt -s dotglob globstar; mkdir -p d/e; touch d/e/.hid d/v; echo **/.h* **/v
