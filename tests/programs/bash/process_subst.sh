# Process substitution, coprocesses, pipefail, PIPESTATUS.
cd "$1" || exit 99
diff <(printf '1\n2\n3\n') <(printf '1\n2\n4\n'); echo "diff $?"
paste <(seq 1 3) <(seq 4 6) <(seq 7 9)
while read -r l; do n=$((n + l)); done < <(seq 1 10); echo "n=$n"
echo data | tee >(tr a-z A-Z >upper) >/dev/null; for i in {1..50}; do [[ -s upper ]] && break; sleep 0.02; done; cat upper
true | false | (exit 3) | true; echo "${PIPESTATUS[@]}"
set -o pipefail; false | true; echo "pipefail $?"; set +o pipefail
coproc UP { while read -r l; do echo "${l^^}"; done; }
echo hello >&"${UP[1]}"; read -r r <&"${UP[0]}"; echo "$r"
echo again >&"${UP[1]}"; read -r r <&"${UP[0]}"; echo "$r"
pid=$UP_PID; eval "exec ${UP[1]}>&-"; wait $pid; echo "coproc $?"
exec {fd}>file; echo "by number" >&$fd; exec {fd}>&-; cat file
cat <<<"here string"; read -r a b <<<"x y"; echo "$b$a"
echo both &>all; ls no-such-file &>>all; wc -l <all
shopt -s lastpipe; echo piped | read -r v; echo "<$v>"
comm -12 <(printf 'a\nb\nc\n') <(printf 'b\nc\nd\n') | paste -sd,
