"""fork, pipes, wait statuses, exec; subprocess in its usual ways."""
import os
import resource
import signal
import subprocess
import sys
import time

os.chdir(sys.argv[1])
r, w = os.pipe()
pid = os.fork()
if pid == 0:
    os.close(r)
    os.write(w, b"from the child")
    os._exit(3)
os.close(w)
print(os.read(r, 100), os.read(r, 100), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

print(subprocess.run(["echo", "hi"], capture_output=True))
print(subprocess.run("exit 7", shell=True).returncode)
print(subprocess.run(["sh", "-c", "kill -9 $$"]).returncode)
both = subprocess.run(["sh", "-c", "echo out; echo err >&2"], capture_output=True, text=True)
print(repr(both.stdout), repr(both.stderr))
cat = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
print(len(cat.communicate(b"x" * 1000000)[0]), cat.returncode)
try:
    subprocess.run(["sleep", "100"], timeout=0.2)
except subprocess.TimeoutExpired:
    print("in time")
try:
    subprocess.run(["/nonexistent"])
except FileNotFoundError as err:
    print(err)
try:
    subprocess.run(["true"], cwd="/nonexistent")
except FileNotFoundError as err:
    print(err)
one = subprocess.Popen(["seq", "1000"], stdout=subprocess.PIPE)
two = subprocess.Popen(["tail", "-n", "1"], stdin=one.stdout, stdout=subprocess.PIPE)
one.stdout.close()
print(two.communicate()[0], one.wait(), two.returncode)
leader = subprocess.run(["sh", "-c", "ps -o sid= -p $$; echo $$"], start_new_session=True,
                        capture_output=True, text=True)
print(len(set(leader.stdout.split())))

spawned = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 5"], os.environ)
print(os.waitstatus_to_exitcode(os.waitpid(spawned, 0)[1]))
sleeper = os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "100")
print(os.waitpid(sleeper, os.WNOHANG))
os.kill(sleeper, signal.SIGTERM)
info = os.waitid(os.P_PID, sleeper, os.WEXITED | os.WNOWAIT)
print(info.si_status, info.si_code == os.CLD_KILLED)
status, usage = os.wait4(sleeper, 0)[1:]
print(os.WTERMSIG(status), usage.ru_utime < 1)
try:
    os.waitpid(-1, 0)
except ChildProcessError as err:
    print(err)

soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (32, hard))
try:
    held = [open("/dev/null") for _ in range(64)]
except OSError as err:
    print(err)
print(os.getpgid(0) == os.getpgrp(), os.getsid(0) > 0, time.monotonic() > 0)
os.execvp("sh", ["sh", "-c", "echo the last word"])
