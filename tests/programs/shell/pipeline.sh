# Pipelines: several stages, status of the last, compound commands as stages.
cd "$1" || exit 99
printf '%s\n' pear apple fig apple cherry fig apple >fruit
sort fruit | uniq -c | sort -k1,1nr -k2 | while read -r count name; do
    echo "$name: $count"
done
cat fruit | grep -v fig | tr a-z A-Z | sort -u | head -n 2
true | false
echo "last decides: $?"
false | true
echo "last decides: $?"
! true | false
echo "negated: $?"
{
    echo one
    echo two
    echo three
} | (
    read -r first
    echo "first=$first"
    while read -r rest; do echo "rest=$rest"; done
)
if echo needle in hay | grep -q needle; then echo found; fi
for i in 1 2 3 4 5; do echo $i; done | sed 's/$/0/' | awk '{ s += $1 } END { print "sum", s }'
echo a | cat | cat | cat | cat | cat | cat | cat | cat | cat | wc -c
exit 3 | exit 5
echo "status $?"
