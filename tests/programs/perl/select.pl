# Many processes, each with a pipe, read in turn with select; a table of results.
use strict; use warnings;
my (%from, %got);
for my $n (1 .. 12) {
    pipe(my $r, my $w) or die;
    my $pid = fork // die;
    if (!$pid) {
        close $r;
        my $sum = 0;
        $sum += $_ for 1 .. $n * 100;
        syswrite $w, "$n $sum\n";
        exit 0;
    }
    close $w;
    $from{fileno $r} = $r;
}
while (%from) {
    my $bits = "";
    vec($bits, $_, 1) = 1 for keys %from;
    my $ready = select($bits, undef, undef, 10);
    die "nothing within 10 s" unless $ready > 0;
    for my $fd (grep { vec($bits, $_, 1) } keys %from) {
        my $n = sysread $from{$fd}, my $line, 100;
        if ($n) { my ($k, $v) = split " ", $line; $got{$k} = $v }
        else { close $from{$fd}; delete $from{$fd} }
    }
}
1 while wait > 0;
print "$_: $got{$_}\n" for sort { $a <=> $b } keys %got;
