"""One process, many pipes: select, poll and the library's choice between them."""
import fcntl
import os
import select
import selectors
import time

pipes = [os.pipe() for _ in range(40)]
chosen = selectors.PollSelector()
for number, (r, _) in enumerate(pipes):
    chosen.register(r, selectors.EVENT_READ, number)
children = []
for number, (_, w) in enumerate(pipes):
    child = os.fork()
    if child == 0:
        time.sleep(0.002 * (number % 7))
        os.write(w, b"%d" % number * 100)
        os._exit(0)
    children.append(child)
for _, w in pipes:
    os.close(w)
total = {}
while chosen.get_map():
    for key, _ in chosen.select():
        data = os.read(key.fd, 64)
        total[key.data] = total.get(key.data, 0) + len(data)
        if not data:
            chosen.unregister(key.fd)
print([total[n] for n in range(40)])
print({os.waitpid(child, 0)[1] for child in children})

r, w = os.pipe()
print(select.select([r], [w], [], 0) == ([], [w], []), fcntl.fcntl(w, fcntl.F_GETPIPE_SZ))
os.set_blocking(w, False)
count = 0
try:
    while True:
        count += os.write(w, b"x" * 1024)
except BlockingIOError as err:
    print(count, err)
print(select.select([r], [w], [], 0) == ([r], [], []))
one = select.poll()
one.register(r, select.POLLIN)
one.register(999, select.POLLIN)
print(one.poll(0) == [(r, select.POLLIN), (999, select.POLLNVAL)])
os.close(w)
os.read(r, count)
one.unregister(999)
print(one.poll() == [(r, select.POLLHUP)], os.read(r, 1))
start = time.monotonic()
select.select([], [], [], 0.1)
print(0.1 <= time.monotonic() - start < 5)
try:
    os.write(os.open("/dev/full", os.O_WRONLY), b"x")
except OSError as err:
    print(err)
r, w = os.pipe()
os.close(r)
try:
    os.write(w, b"x")
except BrokenPipeError as err:
    print(err)
