# String operations: substitution, case, slices, regular expressions, quoting.
cd "$1" || exit 99
s="the quick brown fox"
echo "${s/quick/slow}" "${s//o/0}" "${s/#the/a}" "${s/%fox/dog}"
echo "${s^}" "${s^^}" "${s:4:5}" "${s: -3}" "${s:10}" "${#s}"
u=UPPER; echo "${u,}" "${u,,}" "${u~~}"
[[ $s =~ ([a-z]+)\ ([a-z]+)$ ]] && echo "${BASH_REMATCH[1]}-${BASH_REMATCH[2]}"
[[ abc == a* && abc != b* ]] && echo "patterns"; [[ a < b ]] && echo "order"
printf '%q\n' "a b" "it's" $'tab\t' ''
echo $'escapes:\t\x41\u00e9\n.' | od -An -c | head -n 2
printf -v out '%03d' 7; echo "$out"; echo "${s@Q}" "${u@L}"
shopt -s extglob; f=file.tar.gz; echo "${f%%.*(?)}" "${f/@(tar|zip)/X}" "${f##+([a-z]).}"
v=name; name=indirect; echo "${!v}"; echo "${!na*}"
for w in $s; do printf '%s' "${w:0:1}"; done; echo
rev=; for ((i = ${#s} - 1; i >= 0; i--)); do rev+=${s:i:1}; done; echo "$rev"
[[ -z ${nothing+x} ]] && echo "unset"; echo "a,b;c" | tr ',;' '  '
