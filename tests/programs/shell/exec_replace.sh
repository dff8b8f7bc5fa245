# exit=17
# exec: the shell becomes another program; the process, its descriptors and environment stay.
cd "$1" || exit 99
(exec echo replaced; echo "not reached")
a=$(sh -c 'echo $$; exec sh -c "echo \$\$"')
set -- $a; [ "$1" = "$2" ] && echo "same process"
(exec /no/such/program 2>/dev/null); echo "status $?"
(exec 3>file; exec sh -c 'echo through 3 >&3'); cat file
(V=set exec sh -c 'echo "V is $V"')
(exec env -i ONLY=this env)
(exec sh -c 'exit 23'); echo $?
(trap 'echo never' EXIT; exec true); echo "no EXIT trap: $?"
cat >chain.sh <<'END'
n=$1
if [ "$n" -gt 0 ]; then exec sh chain.sh $((n - 1)); fi
echo "end of the chain"
END
sh chain.sh 50
echo 'echo "script says $1"' >script; chmod 755 script
(exec ./script hello)
(exec sh -c 'exec sh -c "exec sh -c \"echo three execs\""')
(cd / && exec pwd)
(umask 077; exec sh -c umask)
(exec <chain.sh; read -r line; echo "$line")
(exec sleep 5) & kill $!; wait $!; echo "signal reaches it: $?"
exec sh -c 'exit 17'
