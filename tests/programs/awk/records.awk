# Fields, sums by group, sorted output through a pipe, formats.
BEGIN { FS = "," }
NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
{
    n[$3]++
    sum[$3] += $column["score"]
    if (!($3 in best) || $5 > best[$3]) { best[$3] = $5; who[$3] = $2 }
    ages += $4
}
END {
    for (t in n)
        printf "%-6s %d %7.2f %s\n", t, n[t], sum[t] / n[t], who[t] | "sort"
    close("sort")
    printf "mean age %.3f of %d\n", ages / (NR - 1), NR - 1
}
