# exit=3
# fork, pipe, wait, exec, signals, open with pipes.
use strict; use warnings; $| = 1;
chdir $ARGV[0] or die;
pipe(my $r, my $w) or die;
my $pid = fork // die;
if (!$pid) { close $r; print $w "line $_\n" for 1 .. 5; close $w; exit 7; }
close $w; print "parent read: $_" while <$r>;
waitpid $pid, 0; print "child: ", $? >> 8, "\n";
my @kids = map { my $n = $_; my $k = fork; if (!$k) { exit $n * 10 } $k } 1 .. 5;
print join(" ", map { waitpid $_, 0; $? >> 8 } @kids), "\n";
open(my $p, "-|", "echo", "list form", "a b") or die; print "got: ", <$p>; close $p;
open($p, "|-", "sort -n") or die; print $p "$_\n" for 10, 9, 1; close $p; print "sort: $?\n";
open($p, "-|", "exit 4;") or die; close $p; print "close: ", $? >> 8, "\n";
my $pid2 = open($p, "-|") // die; if (!$pid2) { print "forked open\n"; exit } print "from child: ", <$p>; close $p;
system("sh", "-c", "exit 9"); print "system: ", $? >> 8, "\n";
system("kill -9 \$\$"); print "signal: ", $? & 127, "\n";
print "backticks: ", `echo out; echo err >&2`; print scalar(`false`), $? >> 8, "\n";
my $hits = 0; $SIG{USR1} = sub { $hits++ }; kill USR1 => $$ for 1 .. 3; print "hits $hits\n";
$SIG{CHLD} = sub { my $k = wait; print "reaped\n" if $k > 0 }; my $c = fork; exit 0 if defined $c && !$c; select undef, undef, undef, 0.5;
$SIG{CHLD} = "DEFAULT"; $SIG{ALRM} = sub { die "alarm\n" }; eval { alarm 1; sleep 10; }; print "got $@";
my $s = fork; if (!$s) { sleep 10; exit } kill TERM => $s; waitpid $s, 0; print "term: ", $? & 127, "\n";
print "no child: ", wait, "\n"; $SIG{PIPE} = "IGNORE";
pipe($r, $w); close $r; my $ok = syswrite $w, "x"; print "EPIPE: ", (defined $ok ? "no" : $!{EPIPE} ? "yes" : "other"), "\n";
if (my $e = fork) { waitpid $e, 0; print "exec: ", $? >> 8, "\n" } else { exec "sh", "-c", "echo replaced; exit 6" }
END { print "END block\n" if $$ == $main::top } BEGIN { our $top = $$ }
exit 3;
