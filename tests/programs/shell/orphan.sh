# A process whose parent ends goes on, gets another parent, and its pipe keeps readers waiting.
cd "$1" || exit 99
exec 2>/dev/null # some shells name process numbers there
sh -c '(sleep 0.2; echo "orphan done") & echo "parent ends"' | cat
mkfifo done
sh -c '
    (sleep 0.1; [ "$(sh -c "echo \$PPID")" != 1 ] && echo "has a shell above it" >done) &
    exit 0'
echo "parent said $?"
cat done
sh -c 'sh -c "sleep 0.1; ps=\$PPID; echo late >late; echo >done" & :'
read -r _ <done
cat late
x=$(sh -c '(sleep 0.1; echo from the grandchild) & :'); echo "$x"
sh -c '(trap "" HUP; sleep 0.1; echo survived >surv; echo >done) & kill -HUP $$' ; echo "parent: $?"
read -r _ <done
cat surv
(sleep 0.1 & echo "subshell does not wait")
i=0
while [ $i -lt 15 ]; do sh -c '(:) & :'; i=$((i + 1)); done
echo "$i pairs"
wait
