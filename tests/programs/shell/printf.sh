# printf of the shell: formats, widths, escapes, reuse of the format, errors.
cd "$1" || exit 99
printf 'plain\n'
printf '%s-%s\n' a b c d
printf '%d %i %o %x %X %u\n' 42 -42 42 255 255 42
printf '[%5d][%-5d][%05d][%+d]\n' 42 42 42 42
printf '[%8s][%-8s][%.3s][%8.2s]\n' text text longer word
printf '[%*d][%-*s]\n' 6 42 6 ab
printf '%c%c%c\n' xyz abc 123
printf '%5.2f %e %g %g\n' 3.14159 12345.678 0.0001 1e10
printf 'tab\there\\n\102\n'
printf '%b\n' 'esc\tin\targ\101' '\0101'
printf '%s\n' 'esc\tnot\targ'
printf '%%|%5s|%%\n' x
printf '%d\n' 0x1f 017 "'A"
printf '%s %s %s\n' only two
printf '%d\n'
printf '%s\n' ''
printf '%x\n' -1
printf '%d\n' 12abc 2>/dev/null; echo "status $?"
printf '%d\n' abc 2>/dev/null; echo "status $?"
printf 'no newline'; echo
printf '%s' a b c; echo
printf 'stop\cnow\n' | od -c | head -n 1
printf '\0' | od -An -tx1
