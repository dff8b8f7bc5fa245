# Juggling descriptors: swap, save and restore, close, several open at once, inheritance.
cd "$1" || exit 99
both() { echo stdout; echo stderr >&2; }
both 3>&1 1>&2 2>&3 3>&- 2>swapped-err >swapped-out
cat swapped-out swapped-err 2>/dev/null
{ both 3>&1 1>&2 2>&3 3>&-; } 2>e >o; echo "o: $(cat o), e: $(cat e)"
exec 5>&1
exec >captured
echo "into the file"
exec >&5 5>&-
echo "back again: $(cat captured)"
printf 'l1\nl2\nl3\nl4\n' >in
exec 3<in 4<in
read -r a <&3; read -r b <&3; read -r c <&4
echo "$a $b $c"
exec 4<&3
read -r d <&4; read -r e <&3
echo "shared offset: $d $e"
exec 3<&- 4<&-
exec 6<>rw; echo "written" >&6; exec 6<&-; cat rw
exec 7>log
(echo "from a subshell" >&7)
sh -c 'echo "from a child" >&7'
exec 7>&-
cat log
exec 3>multi 4>&3; echo x >&3; echo y >&4; exec 3>&-; echo z >&4; exec 4>&-; cat multi
status=$( { { false; echo $? >&3; } | cat >/dev/null; } 3>&1 ); echo "status through 3: $status"
{ echo to8 >&8; } 8>eight; cat eight
ls /proc/self/fd >/dev/null && echo "listed"
exec 9<in; wc -l <&9; exec 9<&-
