# One stressor of stress-ng for a second, by one process; what it has to say if it does not pass.
cd "$2" || exit 99
stress-ng --no-rand-seed --"$1" 1 --"$1"-ops 100 --timeout 1 >out 2>&1
status=$?
echo "status $status"
[ $status = 0 ] && exit 0
grep -E 'fail|skip|errno' out | sed 's/\[[0-9]*\]/[]/' | head -n 3 >&2
exit 0
