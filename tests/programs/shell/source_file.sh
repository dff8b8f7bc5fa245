# The dot command: variables and functions from a file, return, PATH, status, errors.
cd "$1" || exit 99
cat >lib.sh <<'END'
LIB=loaded
lib_hello() { echo "hello from the library, $1"; }
END
. ./lib.sh
echo $LIB
lib_hello you
echo 'echo before; return 5; echo after' >ret.sh
. ./ret.sh; echo "status $?"
echo 'false' >fails.sh; . ./fails.sh; echo "last status $?"
: >empty.sh; . ./empty.sh; echo "empty $?"
echo 'cd /; x=changed' >cd.sh; (. ./cd.sh; pwd; echo $x); echo "<$x>"
printf 'n=%s\n' 1 2 3 >assign.sh; . ./assign.sh; echo $n
mkdir inc; echo 'echo found by PATH' >inc/bypath.sh; (PATH=$PATH:$PWD/inc; . bypath.sh)
echo '. ./inner.sh; echo outer' >outer.sh; echo 'echo inner' >inner.sh; . ./outer.sh
i=0; echo 'i=$((i + 1)); [ $i -lt 10 ] && . ./self.sh' >self.sh; . ./self.sh; echo "i=$i"
(. ./missing.sh) 2>/dev/null; [ $? -ne 0 ] && echo "missing file is an error"
echo 'echo "unterminated' >bad.sh; (. ./bad.sh) 2>/dev/null; [ $? -ne 0 ] && echo "syntax error"
cat >config <<'END'
# comment
host=example
port=80 # behind
END
(. ./config; echo "$host:$port")
for f in a b; do echo "mod_$f=1" >mod_$f.sh; done
for f in mod_*.sh; do . ./$f; done; echo $mod_a$mod_b
echo 'read -r line; echo "read $line"' >reads.sh; . ./reads.sh <config
echo 'exit 3' >exits.sh; (. ./exits.sh; echo never); echo "exit in it: $?"
