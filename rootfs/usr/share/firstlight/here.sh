#!/bin/sh
# SPDX-License-Identifier: MIT
# here.sh: here-documents, short and longer than a pipe's first page. The shell writes them into a
# pipe and reads them back itself: there is no second process.
x=42
{ read -r a; read -r b; } <<END
first $x $((x + 1))
second
END
test "$a/$b" = 'first 42 43/second' || exit 1

read -r a <<'END'
no $expansion $((here))
END
# shellcheck disable=SC2016  # not expanding is the point
test "$a" = 'no $expansion $((here))' || exit 2

	read -r a <<-END
	tabs go
	END
test "$a" = 'tabs go' || exit 3

i=0
t=
while [ $i -lt 370 ]; do
    t=$t.0123456789
    i=$((i + 1))
done
read -r back <<END
$t
END
test ${#back} = 4070 || exit 4
test "$back" = "$t" || exit 5
