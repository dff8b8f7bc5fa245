# Limits: set, inherited by children, felt; a soft limit may be raised up to the hard one.
cd "$1" || exit 99
exec 2>/dev/null # some shells name process numbers there
(ulimit -n 20; ulimit -n; sh -c 'ulimit -n')
(ulimit -S -n 15; ulimit -S -n; ulimit -S -n 18; ulimit -S -n)
(
    ulimit -n 6
    exec 3</dev/null 4</dev/null 5</dev/null
    sh -c 'exec 6</dev/null' 2>/dev/null
    [ $? -ne 0 ] && echo "no seventh descriptor"
)
(ulimit -f 1; ulimit -f)
(
    ulimit -f 8
    trap '' XFSZ
    dd if=/dev/zero of=limited bs=1024 count=64 2>/dev/null
    [ $? -ne 0 ] && echo "file too large"
)
[ "$(wc -c <limited)" -le 8192 ] && echo "cut"
sh -c 'ulimit -f 2; exec dd if=/dev/zero of=limited2 bs=1024 count=64 2>/dev/null'
echo "SIGXFSZ: $?"
(ulimit -c 0; ulimit -c)
(ulimit -t 1; sh -c 'while :; do :; done' 2>/dev/null; s=$?; echo "CPU time: $s")
(ulimit -s 1024; ulimit -s)
(ulimit -v 100000; ulimit -v)
ulimit -n 12; (ulimit -n 8; ulimit -n); ulimit -n
(ulimit -H -n)
