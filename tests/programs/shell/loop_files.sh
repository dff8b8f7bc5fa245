# Loops over files: sizes, renaming, directories, names with blanks and newlines.
cd "$1" || exit 99
for n in 1 10 100 1000 10000; do printf "%${n}s" '' >"size.$n"; done
for f in size.*; do echo "$f $(wc -c <"$f")"; done
for f in size.*; do mv "$f" "new-${f#size.}"; done
ls
for f in new-*; do
    case $(wc -c <"$f") in
    1 | 10) echo "$f small" ;;
    *00*) echo "$f round" ;;
    esac
done
touch 'two words' '  lead' "new
line" 'tab	in'
for f in *; do printf '%s\n' "$f" | od -An -c | head -n 1; done
count=0
for f in *; do [ -f "$f" ] && count=$((count + 1)); done
echo "$count files"
mkdir -p src/a src/b
for d in src/*/; do
    for n in 1 2; do echo "$d$n" >"${d}$n.txt"; done
done
for f in src/*/*.txt; do read -r text <"$f"; echo "$f holds $text"; done
mkdir copy
for f in src/*/*.txt; do cp "$f" "copy/$(echo "$f" | tr / _)"; done
ls copy
for f in copy/*; do cmp -s "$f" src/a/1.txt && echo "$f is the same"; done
for f in none*; do [ -e "$f" ] || echo "no match leaves $f"; done
i=0
until [ $i -ge 100 ]; do : >"many.$i"; i=$((i + 1)); done
ls many.* | wc -l
rm many.*9 && ls many.* | wc -l
for f in many.1?; do printf '%s ' "${f#many.}"; done; echo
