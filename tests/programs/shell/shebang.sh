# Scripts with #!: interpreters, one argument, scripts as interpreters, arguments kept.
cd "$1" || exit 99
make() { cat >"$1"; chmod 755 "$1"; }
make s1 <<'END'
#!/bin/sh
echo "$0 has $# arguments: $*"
END
./s1 a 'b c'
"$PWD/s1" x | sed 's|/.*/||'
make s2 <<'END'
#!/bin/sh -e
false
echo "not reached"
END
./s2; echo "with -e: $?"
make s3 <<'END'
#! /usr/bin/env sh
echo "by env"
END
./s3
make s4 <<'END'
#!/bin/cat
this script prints itself
END
./s4
make s5 <<'END'
#!/usr/bin/awk -f
BEGIN { for (i = 1; i < ARGC; i++) print i, ARGV[i] }
END
./s5 p 'q r'
make s6 <<'END'
#!/bin/sed -f
s/cat/dog/
END
echo 'a cat' | ./s6
make interp <<'END'
#!/bin/sh
echo "interp runs ${1##*/} with $2"
END
printf '#!%s/interp\nnothing\n' "$PWD" >s7; chmod 755 s7
./s7 arg
make s8 <<'END'
echo "no first line: $1"
END
./s8 works
make s9 <<'END'
#!/bin/echo one two   three
END
./s9 | sed 's|\./||'
printf '#!/bin/sh\r\necho crlf\n' >s10; chmod 755 s10
./s10 2>/dev/null; echo "carriage return: $?"
printf '#!\necho\n' >s11; chmod 755 s11; ./s11 >/dev/null 2>&1; echo "empty line: $?"
make s12 <<'END'
#!/bin/sh
exit 31
END
./s12; echo $?
