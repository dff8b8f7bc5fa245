# The environment: export, unset, for one command, inheritance, env -i, odd names.
cd "$1" || exit 99
A=1; sh -c 'echo "<$A>"'
export A; sh -c 'echo "<$A>"'
B=2 sh -c 'echo "<$B>"'; echo "<$B>"
export C=3 D='with blank'; sh -c 'echo "$C $D"'
unset C; sh -c 'echo "<${C-unset}>"'
(export E=sub; sh -c 'echo $E'); echo "<$E>"
env -i PATH="$PATH" X=y sh -c 'echo $X; echo "<$A>"'
env -i K1=v1 K2=v2 env | sort
env | grep '^A='
A=9 B=8 env | grep '^[AB]=' | sort
f() { echo "f sees $V"; }
V=temp f
export V=kept; V=other sh -c 'echo $V'; echo $V
env -u V sh -c 'echo "<${V-gone}>"'
P=$(echo $PATH | tr : '\n' | head -n 1); [ -d "$P" ] && echo "PATH leads somewhere"
PATH=/nowhere; (ls) 2>/dev/null; echo "not found: $?"
PATH=/bin:/usr/bin
mkdir bin; printf '#!/bin/sh\necho "mine"\n' >bin/mine; chmod 755 bin/mine
PATH=$1/bin:$PATH mine
mine 2>/dev/null; echo "without it: $?"
big=$(printf '%060000d' 7); export big; sh -c 'echo ${#big}'; unset big
i=0; while [ $i -lt 100 ]; do eval "export VAR_$i=$i"; i=$((i + 1)); done
env | grep -c '^VAR_'
readonly R=const; (R=other) 2>/dev/null; [ $? -ne 0 ] && echo "$R stays"
export | grep -c 'VAR_5[0-9]'
echo "$HOME"
