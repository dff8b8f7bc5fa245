# exit=6
# ERR, DEBUG and RETURN traps, errtrace, caller, exit in all places, wait -n.
cd "$1" || exit 99
trap 'echo "ERR at line $LINENO: $?"' ERR
false
(exit 3)
f() { return 4; }; f
if false; then :; fi
false || true
trap - ERR
r() { trap 'echo "RETURN of r"' RETURN; echo "in r"; }; r; trap - RETURN
n=0; trap '((n++))' DEBUG; :; :; :; trap - DEBUG; echo "debug ran $n times"
(sleep 0.3; exit 3) & (sleep 0.05; exit 5) & wait -n; echo "first to end: $?"; wait -n; echo "second: $?"
sleep 5 & kill %1; wait %1; echo "job by number: $?"
sleep 5 & sleep 5 & jobs -p | wc -l; kill $(jobs -p); wait; echo "all ended"
trap 'echo "INT ${BASH_SUBSHELL}"' INT; kill -INT $$; (kill -INT $BASHPID; echo no); echo "subshell $?"
echo "$BASH_SUBSHELL $( echo $BASH_SUBSHELL )"
exec 5< <(echo "from a process"); read -r -u 5 line; echo "$line"
read -r -t 0.1 x < <(sleep 0.5) || echo "read timed out $(( $? > 128 ))"
read -r -n 3 x <<<"abcdef"; echo "$x"; read -r -d : x <<<"a b:c"; echo "$x"
trap 'echo "EXIT $?"; exit 6' EXIT
exit 1
