# Temporary files: mktemp, removal on exit, unlinked files in use, names that do not repeat.
cd "$1" || exit 99
TMPDIR=$1; export TMPDIR
t=$(mktemp) || exit 1
case $t in "$1"/tmp.*) echo "made where it belongs" ;; *) echo "elsewhere: $t" ;; esac
ls -l "$t" | cut -c1-10
echo data >"$t"; cat "$t"
d=$(mktemp -d); ls -ld "$d" | cut -c1-10
touch "$d/file"; ls "$d"
u=$(mktemp -u); [ -e "$u" ] || echo "-u makes none"
i=0
while [ $i -lt 20 ]; do mktemp; i=$((i + 1)); done | sort | uniq -d | wc -l
ls | wc -l
exec 3>"$t.x" 4<"$t.x"
rm "$t.x"
echo "still there without a name" >&3
cat <&4
exec 3>&- 4<&-
(
    tmp=$(mktemp -d)
    trap 'rm -rf "$tmp"; echo "cleaned"' EXIT
    touch "$tmp/a" "$tmp/b"
    ls "$tmp"
    echo "$tmp" >name
)
[ -e "$(cat name)" ] || echo "gone after exit"
rm -rf tmp.* && ls
mktemp /no/such/dir/x.XXXXXX 2>/dev/null; echo "status $?"
mktemp -t here.XXXX | sed 's/\.....$/.XXXX/; s/.*\///'
