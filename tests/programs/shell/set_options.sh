# Options of the shell: -u, -x, -v, -n, -f, -a, $-, and how children see them.
cd "$1" || exit 99
sh -c 'set -u; echo "${x-default}"; echo $x; echo "not reached"' 2>/dev/null; [ $? -ne 0 ] && echo "-u ends it"
sh -c 'PS4="+ "; set -x; a=1; echo "$a two"; : done' 2>&1
sh -vc 'echo v' 2>/dev/null
sh -n -c 'echo never'; echo "-n: $?"
sh -n -c 'if then' 2>/dev/null; [ $? -ne 0 ] && echo "-n finds errors"
set -a; EXPORTED=yes; set +a; NOT=no; sh -c 'echo "$EXPORTED <$NOT>"'
set -f; echo *; set +f
case $- in *f*) echo "f on" ;; *) echo "f off" ;; esac
set -f; case $- in *f*) echo "f on" ;; esac; set +f
(set -e; false; echo no); echo "subshell: $?"
case $- in *e*) echo "e leaked" ;; *) echo "e stays inside" ;; esac
set -- -a; echo "$1"
set -o noglob; echo *; set +o noglob
sh -c 'echo "$-" | grep -c i'; sh -c 'case $- in *c*|*) echo ok;; esac'
sh -s one two <<'END'
echo "from standard input: $# $1 $2"
END
echo 'echo "piped script"; read -r l; echo "read <$l>"
data' | sh
sh -c ''; echo "empty: $?"
sh /no/such/script 2>/dev/null; echo "no script: $?"
sh -c 'echo $0 $1' a b
sh -e -c 'false; echo no'; echo "$?"
type cd >/dev/null && command -v cd && command -v ls
command -v no-such-thing; echo "$?"
command echo direct; command -p ls / >/dev/null && echo "default path"
hash -r 2>/dev/null; times >/dev/null; echo "$?"
