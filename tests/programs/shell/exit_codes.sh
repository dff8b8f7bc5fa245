# exit=200
# Statuses: of commands, of those that cannot be run, of signals, of exit itself.
cd "$1" || exit 99
exec 2>/dev/null # some shells name process numbers there
true; echo "true $?"
false; echo "false $?"
for n in 0 1 2 42 127 128 255; do sh -c "exit $n"; printf '%s ' $?; done; echo
no-such-command 2>/dev/null; echo "not found $?"
./no-such-file 2>/dev/null; echo "no file $?"
echo 'echo hi' >noexec; chmod 644 noexec
./noexec 2>/dev/null; echo "not executable $?"
mkdir dir; ./dir 2>/dev/null; echo "directory $?"
: >empty; chmod 755 empty; ./empty; echo "empty script $?"
printf '\177ELF broken' >broken; chmod 755 broken
./broken 2>/dev/null; [ $? -ne 0 ] && echo "broken file is refused"
printf '#!/no/such/interpreter\n' >bad; chmod 755 bad
./bad 2>/dev/null; echo "bad interpreter $?"
sh -c 'exit 3' && echo no; echo "and: $?"
sh -c 'exit 3' || echo "or: $?"
! false; echo "not: $?"
{ false; true; }; echo "list: $?"
if false; then :; fi; echo "if without a branch: $?"
while false; do :; done; echo "while: $?"
for i in; do :; done; echo "empty for: $?"
case x in y) false ;; esac; echo "case: $?"
x=1; echo "assignment: $?"
f() { return 9; }; f; echo "function: $?"
eval 'false'; echo "eval: $?"
false; (exit); echo "bare exit keeps: $?"
sh -c 'kill -9 $$'; echo "signal: $?"
exit 200
