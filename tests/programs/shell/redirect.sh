# Redirection: files made, appended, read and written, errors, order, groups, noclobber.
cd "$1" || exit 99
echo one >a; echo two >>a; cat a; cat <a
echo over >a; cat a
{ echo out; echo err >&2; } >out 2>err; cat out err
{ echo out; echo err >&2; } >both 2>&1; cat both
{ echo out; echo err >&2; } 2>&1 >out2 | sed 's/^/piped: /'; cat out2
cat no-such-file 2>/dev/null; echo "status $?"
echo lost >/no/such/dir/file 2>/dev/null; echo "status $?"
(cat <no-such-file) 2>/dev/null || echo "cannot open for reading"
>empty; wc -c <empty
echo text 1>&2 2>/dev/null | cat
echo start >rw; echo 'X' 1<>rw; cat rw
cat >joined <<END
$(cat a) and $(cat out)
END
cat joined
set -C; (echo no >a) 2>/dev/null || echo "noclobber"; echo forced >|a; cat a; set +C
for i in 1 2 3; do echo "line $i"; done >loop; cat loop
while read -r l; do echo "got $l"; done <loop >loop2; cat loop2
if read -r l; then echo "if read $l"; fi <loop
case x in x) echo in case ;; esac >c; cat c
(echo sub; echo shell) >s; cat s
echo a >f1 >f2; wc -c <f1; cat f2
exec 4>four; echo to four >&4; exec 4>&-; cat four
echo closed 2>/dev/null >&4; [ $? -ne 0 ] && echo "4 is closed"
n=5; echo "number" >file$n; cat file5
echo last 2>&- >&1
