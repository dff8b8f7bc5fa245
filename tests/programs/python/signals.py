# signal=SIGTERM
"""Handlers, masks, timers, and what waits for signals."""
import os
import signal
import time

seen = []
signal.signal(signal.SIGALRM, lambda number, frame: seen.append(number))
signal.setitimer(signal.ITIMER_REAL, 0.1)
signal.pause()
signal.alarm(1)
print(seen == [signal.SIGALRM], signal.alarm(0))
signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
while len(seen) < 5:
    time.sleep(0.01)
signal.setitimer(signal.ITIMER_REAL, 0)
print(len(seen) >= 5, signal.getitimer(signal.ITIMER_REAL))

print(signal.sigtimedwait([signal.SIGUSR1], 0.05))
old = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGRTMIN])
os.kill(os.getpid(), signal.SIGUSR1)
os.kill(os.getpid(), signal.SIGRTMIN)
print(old, sorted(signal.sigpending()))
print(signal.sigwait([signal.SIGUSR1]), signal.sigwaitinfo([signal.SIGRTMIN]).si_pid == os.getpid())
signal.pthread_sigmask(signal.SIG_SETMASK, old)

r, w = os.pipe()
os.set_blocking(w, False)
signal.set_wakeup_fd(w)
signal.signal(signal.SIGUSR2, lambda number, frame: None)
pid = os.fork()
if pid == 0:
    os.kill(os.getppid(), signal.SIGUSR2)
    os._exit(0)
os.waitpid(pid, 0)
print(os.read(r, 10) == bytes([signal.SIGUSR2]))
signal.set_wakeup_fd(-1)


class Interrupted(Exception):
    """Thrown by a handler, through a call that would have been started anew."""


def throw(number, frame):
    raise Interrupted


signal.signal(signal.SIGALRM, throw)
for call in (lambda: time.sleep(100), lambda: os.read(r, 1), lambda: os.waitpid(child, 0)):
    child = os.fork()
    if child == 0:
        time.sleep(100)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        call()
    except Interrupted:
        print("interrupted")
    os.kill(child, signal.SIGKILL)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
try:
    signal.signal(signal.SIGKILL, throw)
except OSError as err:
    print(err)
print(signal.strsignal(signal.SIGSEGV), signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
signal.raise_signal(signal.SIGTERM)
