# find and xargs working together: tests, -exec, names with blanks, parallel runs.
cd "$1" || exit 99
mkdir -p src/lib src/app/deep doc 'my dir'
for f in src/a.c src/lib/b.c src/lib/b.h src/app/c.c src/app/deep/d.c doc/x.txt 'my dir/y z.c'; do
    echo "file $f" >"$f"
done
find . -name '*.c' | sort
find src -type d | sort
find . -name '*.h' -o -name '*.txt' | sort
find . -type f ! -name '*.c' | sort
find . -maxdepth 1 | sort
find . -name '*.c' -exec grep -l app {} + | sort
find src -name '*.c' -exec basename {} .c \; | sort
find . -name '*.c' -print0 | sort -z | xargs -0 -n 1 echo item
find . -type f -size -1k | wc -l
find . -path './src/*' -type f | wc -l
find . -name deep -prune -o -type f -print | sort | head -n 3
find . -newer doc/x.txt -name 'nothing*'
seq 1 10 | xargs echo
seq 1 10 | xargs -n 3 echo
seq 1 5 | xargs -I{} echo "<{}>"
echo "a b 'c d' e\\ f" | xargs -n 1 echo
seq 1 8 | xargs -P 4 -n 2 sh -c 'echo "$1+$2"' x | sort
printf 'x\n' | xargs -I% sh -c 'exit 3' 2>/dev/null; echo "status $?"
xargs -r echo never </dev/null; xargs echo once </dev/null
find . -name '*.c' | sort | xargs -d '\n' wc -c | tail -n 1
find 'my dir' -name '* *' -delete; ls 'my dir' | wc -l
find no-such 2>/dev/null; echo "status $?"
