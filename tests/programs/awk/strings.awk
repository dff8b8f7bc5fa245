# String functions, regular expressions, user functions, recursion, getline.
function reverse(s,    i, r) {
    for (i = length(s); i > 0; i--) r = r substr(s, i, 1)
    return r
}
function fact(n) { return n <= 1 ? 1 : n * fact(n - 1) }
FNR == 1 { next }
{
    split($0, f, ",")
    line = f[2]
    gsub(/[aeiou]/, "<&>", line)
    print toupper(f[2]), reverse(f[2]), line, index(f[3], "e"), match($0, /[0-9]+\.[0-9]+/), RSTART, RLENGTH
}
END {
    print fact(10), 2 ^ 20, int(7.9), 17 % 5, sprintf("%05.1f|%x|%c|%5s", 3.14159, 255, 65, "ab")
    while (("echo one; echo two" | getline l) > 0) print "got " l
    close("echo one; echo two")
    print length("hello"), substr("hello", 2, 3), tolower("ABC")
    n = split("a:b:c", parts, ":"); print n, parts[1] parts[n]
    print system("exit 3")
    "pwd" | getline d; print d
    s = "x"; for (i = 0; i < 12; i++) s = s s; print length(s)
    print substr("abc", 0), substr("abc", 3, 9) "|", 1e6, 0.1 + 0.2, 100000 * 100000
    exit 0
}
