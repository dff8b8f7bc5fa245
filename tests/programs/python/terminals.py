"""Pseudo-terminals: a program that is made to believe in a person."""
import fcntl
import os
import pty
import select
import struct
import sys
import termios
import tty


def collect(fd, until):
    text = b""
    while until not in text:
        assert select.select([fd], [], [], 10)[0], text
        text += os.read(fd, 1000)
    return text


pid, fd = pty.fork()
if pid == 0:
    os.execvp("sh", ["sh", "-c", 'test -t 0 && echo tty; printf "name? "; read name; '
                     'echo "hello $name"; trap "echo got; exit 4" INT; echo ready; '
                     'while :; do sleep 0.1; done'])
print(collect(fd, b"name? "))
os.write(fd, b"jox\x7fe\n")
print(collect(fd, b"ready"))
os.write(fd, b"\x03")
print(collect(fd, b"got\r\n"))
try:
    print(os.read(fd, 100))
except OSError as err:
    print(err)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

ours, theirs = os.openpty()
print(os.isatty(ours), os.isatty(theirs), os.ttyname(theirs).rstrip("0123456789"))
fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 90, 0, 0))
print(os.get_terminal_size(theirs))
os.write(ours, b"line\n")
print(os.read(theirs, 10), os.read(ours, 10))
tty.setraw(theirs)
os.write(ours, b"\x03\x04\r")
print(os.read(theirs, 10), select.select([ours], [], [], 0)[0])
settings = termios.tcgetattr(theirs)
print(settings[3] & termios.ECHO, settings[6][termios.VMIN])
os.close(theirs)
try:
    os.read(ours, 1)
except OSError as err:
    print(err)
sys.exit(0)
