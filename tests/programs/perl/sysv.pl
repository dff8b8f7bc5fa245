# System V IPC by perl's own functions: messages, semaphores, shared memory, between processes.
use strict; use warnings;
use IPC::SysV qw(IPC_PRIVATE IPC_CREAT IPC_RMID IPC_NOWAIT IPC_STAT S_IRUSR S_IWUSR SETALL GETALL
                 GETNCNT);
my $mode = S_IRUSR | S_IWUSR;
my $queue = msgget(IPC_PRIVATE, IPC_CREAT | $mode) // die;
my $pid = fork // die;
if (!$pid) {
    msgsnd($queue, pack("l! a*", $_, "type $_"), 0) or die for 3, 1, 2;
    exit 0;
}
waitpid $pid, 0;
for my $type (2, -3, 0) {
    msgrcv($queue, my $message, 100, $type, 0) or die "$!";
    print join(" ", unpack("l! a*", $message)), "\n";
}
print msgrcv($queue, my $none, 100, 0, IPC_NOWAIT) ? "?" : "$!", "\n";
print msgctl($queue, IPC_RMID, 0), "\n";
print msgsnd($queue, pack("l! a*", 1, "x"), 0) ? "?" : "$!", "\n";

my $sems = semget(IPC_PRIVATE, 3, IPC_CREAT | $mode) // die;
semctl($sems, 0, SETALL, pack("s*", 1, 0, 5)) or die;
my $memory = shmget(IPC_PRIVATE, 4096, IPC_CREAT | $mode) // die;
shmwrite($memory, pack("L", 0), 0, 4) or die;
my @children;
for my $n (1 .. 4) {
    my $pid = fork // die;
    if (!$pid) {
        for (1 .. 50) {
            semop($sems, pack("s3", 0, -1, 0)) or die;
            shmread($memory, my $word, 0, 4);
            shmwrite($memory, pack("L", unpack("L", $word) + 1), 0, 4);
            semop($sems, pack("s3", 0, 1, 0)) or die;
        }
        semop($sems, pack("s3", 1, 1, 0)) or die;
        exit 0;
    }
    push @children, $pid;
}
semop($sems, pack("s3", 1, -4, 0)) or die;
shmread($memory, my $word, 0, 4);
print unpack("L", $word), "\n";
waitpid $_, 0 for @children;
semctl($sems, 0, GETALL, my $values) or die;
print join(" ", unpack("s*", $values)), "\n";
print semop($sems, pack("s3", 1, -1, IPC_NOWAIT)) ? "?" : "$!", "\n";
semctl($sems, 0, IPC_RMID, 0) and shmctl($memory, IPC_RMID, 0) or die;
print semop($sems, pack("s3", 0, 1, 0)) ? "?" : "$!", "\n";
