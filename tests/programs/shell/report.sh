# A report from a log with the usual tools: sed, awk, sort, uniq, join, paste, column sums.
cd "$1" || exit 99
i=0
while [ $i -lt 200 ]; do
    case $((i % 7)) in 0) s=500 ;; 3) s=404 ;; *) s=200 ;; esac
    echo "10.0.0.$((i % 5)) /page$((i * 13 % 11)).html $s $((i * 37 % 1000))"
    i=$((i + 1))
done >log
echo "== requests by status"
awk '{ print $3 }' log | sort | uniq -c | sort -rn
echo "== bytes by host"
awk '{ b[$1] += $4 } END { for (h in b) print h, b[h] }' log | sort
echo "== top pages"
cut -d' ' -f2 log | sort | uniq -c | sort -k1,1nr -k2 | head -n 4
echo "== errors"
grep -c ' 500 ' log
sed -n '/ 404 /s/^\([^ ]*\) \([^ ]*\) .*/\2 from \1/p' log | sort | uniq -c | sort -rn | head -n 3
echo "== joined"
printf '10.0.0.%s host%s\n' 0 a 1 b 2 c 3 d 4 e >names
awk '{ print $1 }' log | sort | uniq -c | awk '{ print $2, $1 }' | join names - |
    while read -r ip name n; do printf '%-6s %-10s %4d\n' "$name" "$ip" "$n"; done
echo "== percent"
awk '{ t++; if ($3 >= 400) e++ } END { printf "%.2f%%\n", 100 * e / t }' log
paste -d: names names | head -n 1
tr -s ' ' '\n' <log | grep -c html
split -l 50 log part. && wc -l part.* | tail -n 1
comm -12 part.aa part.aa | wc -l
sort -k4,4n log | tail -n 1
