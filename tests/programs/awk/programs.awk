# exit=4
# Output to files and commands, ranges, printf, arrays of two dimensions, exit status.
BEGIN { FS = ","; OFS = ";" }
/Brian/, /Emil/ { print "range", $2 }
$4 > 40 && $3 ~ /^(red|blue)$/ { print "older", $2, $4 }
{ $1 = $1; cell[NR, 3] = $3 }
NR <= 2 { print }
{ print $2 > "/dev/stderr" }
END {
    for (i = 2; i <= NR; i++) seen[cell[i, 3]]++
    for (k in seen) print k, seen[k] | "sort -r"
    close("sort -r")
    delete seen["red"]
    print ("red" in seen), ("blue" in seen), ((2, 3) in cell)
    do { c++; if (c == 3) continue; if (c > 5) break; printf "%d ", c } while (1)
    print ""
    print -3 % 2, 1 == 1.0, "10" < "9", 10 < 9, "a" "b" == "ab"
    print length(), NF, NR
    print "to cat" | "cat 1>&2"
    exit 4
}
