# Sockets of AF_UNIX: a server that forks, pairs, select over all of them.
use strict; use warnings;
use IO::Socket::UNIX; use IO::Select; use Socket;
chdir $ARGV[0] or die;
my $server = IO::Socket::UNIX->new(Local => "s", Listen => 5) or die "listen: $!";
my @children;
for my $n (1 .. 5) {
    my $pid = fork // die;
    if (!$pid) {
        my $client = IO::Socket::UNIX->new(Peer => "s") or die "connect: $!";
        print $client "hello from $n\n";
        my $answer = <$client>;
        exit(length($answer) == 8 + length($n * $n) ? $n : 99);
    }
    push @children, $pid;
}
my $all = IO::Select->new($server);
my @seen;
while (@seen < 5) {
    for my $ready ($all->can_read(20)) {
        if ($ready == $server) { $all->add($server->accept); next }
        my $line = <$ready>;
        push @seen, $line;
        my ($n) = $line =~ /(\d+)/;
        print $ready "square " . $n * $n . "\n";
        $all->remove($ready);
        close $ready;
    }
}
print sort @seen;
waitpid($_, 0) and print $? >> 8, "\n" for @children;
socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die;
syswrite $a, "pair";
sysread $b, my $got, 10;
print "$got\n";
print unpack("i", getsockopt($a, SOL_SOCKET, SO_TYPE)) == SOCK_STREAM ? "stream\n" : "?\n";
shutdown($a, 1);
print sysread($b, $got, 1), "\n";
IO::Socket::UNIX->new(Peer => "nobody") or print "$!\n";
