# What /proc tells about processes: the shell itself, its children, their descriptors.
cd "$1" || exit 99
[ -d /proc/$$ ] && echo "own directory"
[ -d /proc/self ] && echo "self"
grep -c '^Pid:' /proc/self/status
awk '/^PPid:/ { print ($2 > 0) }' /proc/$$/status
[ "$(awk '/^Pid:/ { print $2 }' /proc/$$/status)" = $$ ] && echo "it is me"
sh -c '[ "$(awk "/^PPid:/ { print \$2 }" /proc/$$/status)" = "$PPID" ] && echo "parent agrees"'
tr '\0' ' ' </proc/self/cmdline; echo
(cd / && readlink /proc/self/cwd)
readlink /proc/self/cwd | sed 's|.*/||' | cut -c1-10
(exec 3</dev/null; readlink /proc/self/fd/3)
echo data >file; (exec 4<file; readlink /proc/self/fd/4 | sed 's|.*/||')
readlink /proc/self/exe | sed 's|.*/||' | grep -c .
sleep 5 & p=$!
sleep 0.1
tr '\0' ' ' </proc/$p/cmdline; echo
grep '^State' /proc/$p/status | cut -f2 | cut -c1
kill $p; wait $p 2>/dev/null
[ -d /proc/$p ] || echo "gone"
grep -c '^processor' /proc/cpuinfo >/dev/null && echo "cpuinfo"
grep -q '^MemTotal: *[0-9]* kB' /proc/meminfo && echo "meminfo"
grep -q 'proc' /proc/filesystems && echo "filesystems"
grep -q '^cpu ' /proc/stat && echo "stat"
awk '{ print NF }' /proc/uptime
awk '{ print NF }' /proc/loadavg
grep -q ' /proc ' /proc/self/mounts && echo "mounts"
grep -c '\[stack\]' /proc/self/maps
wc -c </proc/version | awk '{ print ($1 > 10) }'
cat /proc/self/environ | tr '\0' '\n' | grep -c '^PATH='
