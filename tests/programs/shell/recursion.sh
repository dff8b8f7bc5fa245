# Functions that call themselves, directly, in command substitutions and in subshells.
cd "$1" || exit 99
fact() { if [ $1 -le 1 ]; then echo 1; else echo $(($1 * $(fact $(($1 - 1))))); fi; }
echo "10! = $(fact 10)"
fib() {
    if [ $1 -lt 2 ]; then
        echo $1
    else
        echo $(($(fib $(($1 - 1))) + $(fib $(($1 - 2)))))
    fi
}
for n in 1 2 3 4 5 6 7; do printf '%s ' $(fib $n); done; echo
hanoi() {
    [ $1 -eq 0 ] && return
    hanoi $(($1 - 1)) $2 $4 $3
    moves=$((moves + 1))
    hanoi $(($1 - 1)) $4 $3 $2
}
moves=0
hanoi 7 a b c
echo "hanoi 7: $moves moves"
depth() { if [ $1 -gt 0 ]; then (depth $(($1 - 1))); else echo "bottom"; fi; }
depth 40
tree() {
    for entry in "$1"/*; do
        echo "$2${entry##*/}"
        if [ -d "$entry" ]; then tree "$entry" "$2  "; fi
    done
}
mkdir -p t/a/b/c t/d
touch t/a/1 t/a/b/2 t/a/b/c/3 t/d/4 t/5
tree t ''
gcd() { if [ $2 -eq 0 ]; then echo $1; else gcd $2 $(($1 % $2)); fi; }
gcd 1071 462
down() { [ $1 -eq 0 ] || down $(($1 - 1)); }
down 500 && echo "500 deep"
