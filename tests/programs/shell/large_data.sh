# limit=120
# Megabytes through pipes and files: nothing lost, nothing changed.
cd "$1" || exit 99
seq 1 150000 >numbers
wc numbers
cksum <numbers
cat numbers | cat | cat | cksum
sort -rn numbers | head -n 2
sort -R numbers | sort -n | cmp - numbers && echo "sorted back"
tac numbers | tac | cmp - numbers && echo "turned twice"
gzip -c numbers | gzip -dc | cmp - numbers && echo "packed and unpacked"
dd if=numbers bs=777 2>/dev/null | dd bs=4099 2>/dev/null | cmp - numbers && echo "in odd pieces"
split -b 100000 numbers part.
cat part.* | cmp - numbers && echo "cut and joined"
head -c 300000 /dev/zero | tr '\0' x | wc -c
tail -c 20 numbers
sed 's/9/nine/g' numbers | cksum
awk '{ s += $1 } END { printf "%.0f\n", s }' numbers
cp numbers copy; cat numbers >>copy; wc -c <copy
dd if=numbers of=hole bs=1 count=3 seek=1000000 2>/dev/null; wc -c <hole; cksum hole
truncate -s 5 copy; od -c copy | head -n 1
cat numbers >c1 & cat numbers >c2; wait; cmp c1 c2 && echo "two at a time"
md5sum numbers; sha256sum numbers
grep -c 77 numbers; tr -d '\n' <numbers | wc -c
