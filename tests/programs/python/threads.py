"""Threads: pools, queues, locks, barriers, what each thread has of its own, and what ends them."""
import concurrent.futures
import ctypes
import os
import queue
import signal
import subprocess
import threading
import time

counter, lock = 0, threading.Lock()


def add(n):
    global counter
    for _ in range(n):
        with lock:
            counter += 1


threads = [threading.Thread(target=add, args=(500,)) for _ in range(20)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(counter, threading.active_count())

work, done = queue.Queue(8), queue.Queue()


def worker():
    while (item := work.get()) is not None:
        done.put(item * item)


threads = [threading.Thread(target=worker) for _ in range(6)]
for thread in threads:
    thread.start()
for n in range(400):
    work.put(n)
for _ in threads:
    work.put(None)
for thread in threads:
    thread.join()
print(sum(done.get() for _ in range(400)), work.empty())

with concurrent.futures.ThreadPoolExecutor(8) as pool:
    print(list(pool.map(lambda n: sum(range(n)), range(0, 2000, 200))))
    print(pool.submit(os.getpid).result() == os.getpid())
with concurrent.futures.ProcessPoolExecutor(3) as pool:
    print(sorted(pool.map(abs, range(-6, 0))))

barrier, order = threading.Barrier(5), []


def meet(n):
    for turn in range(10):
        barrier.wait()
        order.append(turn)
        barrier.wait()


threads = [threading.Thread(target=meet, args=(n,)) for n in range(5)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(order == sorted(order), len(order))

event = threading.Event()
print(event.wait(0.05), threading.Condition().acquire(timeout=1))
own = threading.local()
own.x = 1
found = []
thread = threading.Thread(target=lambda: found.append(hasattr(own, "x")))
thread.start()
thread.join()
print(found)

ids = set()
gate = threading.Barrier(9)


def tell():
    gate.wait()
    ids.add(threading.get_native_id())
    gate.wait()


threads = [threading.Thread(target=tell) for _ in range(8)]
for thread in threads:
    thread.start()
gate.wait()
print(len(os.listdir("/proc/self/task")))
gate.wait()
for thread in threads:
    thread.join()
print(len(ids), os.getpid() in ids)

# A signal is taken by the main thread, which waits; a child is made while others run.
got = []
signal.signal(signal.SIGALRM, lambda *_: got.append(threading.current_thread().name))
stop = threading.Event()
spin = threading.Thread(target=lambda: stop.wait(30))
spin.start()
signal.setitimer(signal.ITIMER_REAL, 0.05)
while not got:
    time.sleep(0.01)
print(got, subprocess.run(["echo", "child"], capture_output=True, check=True).stdout)
pid = os.fork()
if not pid:
    os._exit(threading.active_count() + 10)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
stop.set()
spin.join()

libc = ctypes.CDLL(None)
name = ctypes.create_string_buffer(16)


def rename():
    libc.prctl(15, b"a-name", 0, 0, 0)
    with open("/proc/thread-self/comm", encoding="ascii") as file:
        found.append(file.read())


thread = threading.Thread(target=rename)
thread.start()
thread.join()
print(found[-1], end="")
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
print("ends with a daemon", flush=True)
