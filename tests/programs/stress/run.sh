# One stressor of stress-ng for a second, by one process: how it ended, and whether it was skipped,
# which is status 0, too. What it has to say if it does not pass is for the reader.
cd "$2" || exit 99
case $1 in
exec | spawn) as='setpriv --reuid 1000 --regid 1000 --clear-groups' ;; # not as root
esac
chmod 777 .
files= # by default 1 GiB, which is a machine's whole memory
for stressor in fallocate hdd iomix readahead revio; do
    files="$files --$stressor-bytes 16M"
done
$as stress-ng --no-rand-seed $files --"$1" 1 --"$1"-ops 100 --timeout 1 >out 2>&1
status=$?
echo "status $status"
# What depends on the make of the processor does not depend on the kernel.
grep -E 'skipp|No stress workers' out | grep -v 'Intel CPU' | sed 's/.*\[[0-9]*\] //' | head -n 3
[ $status = 0 ] && exit 0
grep -E 'fail|errno' out | sed 's/\[[0-9]*\]/[]/' | head -n 3
exit 0
