# test: files, strings, numbers, combinations.
cd "$1" || exit 99
t() { if test "$@"; then echo "yes: $*"; else echo "no ($?): $*"; fi; }
: >empty; echo x >full; mkdir dir; ln -s full sym; ln -s nowhere broken; mkfifo fifo
chmod 755 full; ln full hard
t -e full; t -e nothing; t -f full; t -f dir; t -d dir; t -d full
t -h sym; t -L broken; t -e broken; t -e sym; t -p fifo; t -c /dev/null; t -b /dev/null
t -s full; t -s empty; t -r full; t -w full; t -x full; t -x empty
t full -ef hard; t full -ef sym; t full -ef empty
touch -d '2020-01-01 00:00' old; t full -nt old; t old -ot full; t old -nt full
t a = a; t a = b; t a != b; t -n a; t -n ''; t -z ''; t -z a
t 1 -eq 1; t 1 -eq 01; t 1 -lt 2; t 2 -le 2; t 3 -gt 4; t -5 -ge -6; t 1 -ne 2
t a -eq 1 2>/dev/null
t ''; t word; t ! word; t ! ''; t ! -e nothing
t a = a -a b = b; t a = b -o b = b; t '(' a = a ')'
[ a = a ] && echo bracket
[ a = a 2>/dev/null; [ $? -gt 1 ] && echo "missing bracket"
[ "$(printf 'a b')" = 'a b' ] && echo quoted
test; echo "no arguments: $?"
t -t 0; t -t 1
t -g full; t -u full; t -k /tmp; t -O full; t -G full
[ '!' = '!' ] && [ '(' = '(' ] && [ -n = -n ] && echo "operators as strings"
