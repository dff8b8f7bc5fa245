# Arithmetic: operators, precedence, bases, assignment, comparison, overflow, errors.
cd "$1" || exit 99
echo $((1 + 2 * 3)) $(((1 + 2) * 3)) $((7 / 2)) $((-7 / 2)) $((7 % 3)) $((-7 % 3))
echo $((0x1f)) $((017)) $((0xff + 010))
echo $((5 & 3)) $((5 | 3)) $((5 ^ 3)) $((~5)) $((1 << 10)) $((-16 >> 2))
echo $((3 > 2)) $((3 < 2)) $((3 >= 3)) $((3 == 4)) $((3 != 4)) $((!3)) $((!0))
echo $((1 && 0)) $((1 || 0)) $((0 || 0)) $((5 ? 10 : 20)) $((0 ? 10 : 20))
x=5
echo $((x + 1)) $(($x * 2)) $((x += 3)) $((x -= 1)) $((x *= 2)) $((x /= 3)) $((x %= 3))
echo "x=$x"
y=$((x = 9)); echo "$x $y"
echo $((x << 2 | 1)) $(( (x & 8) != 0 ))
unset nothing; echo $((nothing + 1))
echo $((9223372036854775807)) $((9223372036854775807 + 1)) $((-9223372036854775807 - 1))
i=0; while [ $((i += 1)) -lt 5 ]; do printf '%s ' $i; done; echo
a=12 b=18
while [ $b -ne 0 ]; do t=$((a % b)) a=$b b=$t; done
echo "gcd $a"
n=27 steps=0
while [ $n -ne 1 ]; do
    if [ $((n % 2)) -eq 0 ]; then n=$((n / 2)); else n=$((3 * n + 1)); fi
    steps=$((steps + 1))
done
echo "27 takes $steps steps"
echo $(($(echo 4) * $(echo 5))) "$((2))$((3))"
(echo $((1 / 0))) 2>/dev/null; [ $? -ne 0 ] && echo "division by zero is an error"
expr 6 \* 7; expr 10 - 3; expr 10 % 3; expr abc : 'a\(.*\)'; expr length hello
