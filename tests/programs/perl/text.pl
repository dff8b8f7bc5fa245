# Hashes, regular expressions, sorting, files, sprintf, local, closures, pack.
use strict; use warnings;
chdir $ARGV[0] or die;
my %count; $count{$_}++ for split /\W+/, lc "The cat and the dog and the bird"; 
print "$_=$count{$_} " for sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count; print "\n";
open my $f, ">", "data" or die; printf $f "%03d %s\n", $_, "x" x $_ for 1 .. 20; close $f;
open $f, "<", "data" or die; my @l = <$f>; close $f; print scalar(@l), " ", -s "data", " $l[4]";
(my $t = "2024-05-06") =~ s/(\d+)-(\d+)-(\d+)/$3.$2.$1/; print "$t\n";
my @m = "a1b22c333" =~ /(\d+)/g; print "@m\n"; print join("|", map { sprintf "%5.2f", $_ } 1, 2.345, 99.999), "\n";
my $counter = do { my $n = 0; sub { return ++$n } }; $counter->() for 1 .. 4; print $counter->(), "\n";
print join(",", unpack("A2 n C", pack("A2 n C", "hi", 513, 65))), " ", unpack("H*", "perl"), "\n";
my $nested = { list => [1, [2, 3]], map => { k => "v" } }; print $nested->{list}[1][1], $nested->{map}{k}, "\n";
print join(" ", sort { $a <=> $b } map { $_ ** 2 } grep { $_ % 2 } 1 .. 9), "\n";
eval { die { code => 42 } }; print "died with $@->{code}\n"; print "ok\n" unless eval { die "x\n"; 1 };
mkdir "d" or die; for my $n (3, 1, 2) { open my $h, ">", "d/f$n" or die } opendir my $d, "d" or die; print join(" ", sort grep { !/^\./ } readdir $d), "\n"; closedir $d;
print join(" ", map { s{.*/}{}r } sort glob "d/*"), "\n"; unlink glob "d/*"; rmdir "d"; print -e "d" ? "there" : "gone", "\n";
my @st = stat "data"; printf "%o %d %d\n", $st[2] & 07777, $st[3], $st[7]; rename "data", "new"; print -e "new" ? "renamed\n" : "lost\n"; symlink "new", "sym"; print readlink "sym", "\n";
local $_ = "translate me"; tr/a-z/A-Z/; print "$_\n"; print scalar reverse("abc"), ucfirst "word", " ", join("", ("a" .. "e")[1, 3]), "\n";
my $text = <<"END"; print $text;
heredoc with @{[ 6 * 7 ]}
END
print 1_000, " ", 0x1f, " ", oct "755", " ", 10 / 3, " ", 2 ** 40, " ", int(-3.7), " ", "abc" x 2, "\n";
print "matched $1 and $+{w}\n" if "key=value" =~ /(\w+)=(?<w>\w+)/; print join("/", "a,b,,c" =~ /([^,]*)/g), "\n";
printf "%s %s\n", (sort { length $a <=> length $b } qw(ccc a bb))[0, -1]; print "last\n";
