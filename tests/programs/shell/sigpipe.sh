# A writer whose reader is gone dies of SIGPIPE, quietly, and is not waited for in vain.
cd "$1" || exit 99
yes | head -n 2
seq 1 1000000 | head -n 1
(yes; echo "status $?" >&2) 2>err | head -n 1
cat err
while :; do echo forever || break; done 2>/dev/null | head -n 3
(trap '' PIPE; sh -c 'sleep 0.1; echo unheard 2>err2; echo "status $?" >status') | true
cat status
mkfifo p
(sleep 0.1; exec 3<p; read -r l <&3; echo "read $l") &
exec 4>p
echo first >&4
wait
sh -c 'echo second >&4' 2>/dev/null
echo "no reader: $?"
exec 4>&-
dd if=/dev/zero bs=65536 count=100 2>/dev/null | dd bs=1 count=5 2>/dev/null | wc -c
sh -c 'kill -PIPE $$'; echo "killed: $?"
yes | sed 3q
cat /dev/zero | head -c 100000 | wc -c
