# Names made from patterns: * ? [], hidden files, directories, no match, quoting.
cd "$1" || exit 99
touch a.c b.c main.c a.h README .hidden 'with space.txt' 'star*.txt' x1 x2 x10 X3
touch -- -dash
mkdir dir dir/sub other
touch dir/one dir/two dir/sub/three other/one
echo *.c
echo ?.c
echo [ab].*
echo [!a]*.c
echo x[0-9]
echo x[0-9]*
echo [[:upper:]]*
echo .h*
echo */
echo */one
echo */*/*
echo no-such-*
echo '*.c' "*.h" \*.txt
echo star\**
for f in *.txt; do echo "<$f>"; done
set -- *.c; echo "$# files, first $1"
p='*.h'; echo $p "$p"
set -f; echo *.c; set +f
echo dir/t*
echo d?r/[!o]*
cd dir && echo * && echo ../*.h
cd .. && echo ./-* [x]1 [z]1
case "main.c" in *.h) echo header ;; *.c) echo source ;; esac
rm -- -dash *.c && echo *
