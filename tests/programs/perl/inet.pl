# Sockets of AF_INET and AF_INET6: a server that forks, datagrams, time-outs, refusals, options.
use strict; use warnings;
use IO::Socket::INET; use IO::Socket::IP; use IO::Select; use Socket qw(:all);
$SIG{PIPE} = "IGNORE";
for my $host ("127.0.0.1", "::1") {
    my $server = IO::Socket::IP->new(LocalAddr => $host, LocalPort => 0, Listen => 5, Type => SOCK_STREAM) or die "listen: $!";
    my $port = $server->sockport;
    my @children = map {
        my $n = $_;
        my $pid = fork // die;
        if (!$pid) {
            my $client = IO::Socket::IP->new(PeerAddr => $host, PeerPort => $port, Type => SOCK_STREAM) or exit 98;
            print $client "from $n\n", "x" x 100000, "\n";
            shutdown($client, 1);
            my @answer = <$client>;
            exit(@answer == 2 && $answer[1] == 100000 ? $n : 99);
        }
        $pid;
    } 1 .. 4;
    my @seen;
    for (@children) {
        my $client = $server->accept or die "accept: $!";
        push @seen, scalar <$client>;
        my $long = <$client>;
        chomp $long;
        print $client "$seen[-1]", length $long, "\n";
        print defined(<$client>) ? "more\n" : "end\n";
        close $client;
    }
    print sort(@seen), $server->sockhost, "\n";
    waitpid($_, 0) and print $? >> 8, "\n" for @children;
    close $server;
    print IO::Socket::IP->new(PeerAddr => $host, PeerPort => $port, Type => SOCK_STREAM) ? "connected\n" : "$!\n";
}
my $one = IO::Socket::INET->new(Proto => "udp", LocalAddr => "127.0.0.1") or die;
my $two = IO::Socket::INET->new(Proto => "udp", PeerAddr => "127.0.0.1", PeerPort => $one->sockport) or die;
$two->send("datagram $_") for 1 .. 3;
my ($text, @peers);
push @peers, (sockaddr_in($one->recv($text, 100)))[0] == $two->sockport, $text for 1 .. 3;
print "@peers\n", IO::Select->new($one)->can_read(0.05) ? "ready\n" : "nothing\n";
$one->send("back", 0, $two->sockname);
$two->recv($text, 2);
print "$text\n";
setsockopt($one, SOL_SOCKET, SO_RCVTIMEO, pack("qq", 0, 50000)) or die;
print defined($one->recv($text, 10)) ? "got\n" : "$!\n";
my $stream = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1", ReuseAddr => 1) or die;
print unpack("i", getsockopt($stream, SOL_SOCKET, $_)), " " for SO_REUSEADDR, SO_KEEPALIVE, SO_ERROR, SO_TYPE, SO_BROADCAST;
print unpack("i", getsockopt($stream, IPPROTO_TCP, TCP_NODELAY)), "\n";
my $clash = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1", LocalPort => $stream->sockport);
print $clash ? "bound twice\n" : "$!\n";
my $client = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $stream->sockport) or die;
my $peer = $stream->accept;
setsockopt($peer, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0));
close $peer;
select undef, undef, undef, 0.05;
print defined(sysread($client, $text, 1)) ? "end\n" : "$!\n";
print defined(syswrite($client, "x")) ? "written\n" : "$!\n";
my ($error, @found) = getaddrinfo("localhost", "80", {socktype => SOCK_STREAM});
print $error ? "$error\n" : join(" ", sort map { $_->{family} == AF_INET ? "4" : "6" } @found), "\n";
socket(my $far, PF_INET, SOCK_STREAM, 0) or die;
socket(my $strange, 28, SOCK_STREAM, 0) or print "$!\n";
