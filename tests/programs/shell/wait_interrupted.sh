# A trapped signal ends a wait early; the child is still there to be waited for.
cd "$1" || exit 99
trap 'echo "signal came"' USR1
sleep 0.4 & child=$!
(sleep 0.1; kill -USR1 $$) &
wait $child
s=$?
[ $s -gt 128 ] && echo "wait was interrupted: $s"
wait $child
echo "child: $?"
wait
trap 'hits=$((hits + 1))' USR2
hits=0
(i=0; while [ $i -lt 5 ]; do kill -USR2 $$; sleep 0.05; i=$((i + 1)); done) & sender=$!
while kill -0 $sender 2>/dev/null; do wait $sender; done
echo "hits $hits"
trap 'echo tick' ALRM
(sleep 0.1; kill -ALRM $$) &
sleep 0.3
echo "after sleep"
read -r line </dev/null
mkfifo p
exec 3<>p
trap 'echo "during read"' HUP
(sleep 0.1; kill -HUP $$; sleep 0.1; echo data >p) &
until read -r line <&3; do :; done
echo "read: $line"
wait
trap 'exit 0' TERM
(sleep 0.1; kill -TERM $$) &
while :; do sleep 0.05; done
