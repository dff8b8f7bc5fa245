"""multiprocessing: pools, queues, shared memory, semaphores and managers."""
import multiprocessing as mp
from multiprocessing import shared_memory


def square(n):
    return n * n


def count(value, lock, queue):
    for _ in range(200):
        with lock:
            value.value += 1
    queue.put(value.value > 0)


def write(name):
    block = shared_memory.SharedMemory(name)
    block.buf[:5] = b"hello"
    block.close()


if __name__ == "__main__":
    fork = mp.get_context("fork")
    with fork.Pool(4) as pool:
        print(pool.map(square, range(20)), pool.apply_async(square, (12,)).get(30))
    value, lock, queue = fork.Value("i", 0, lock=False), fork.Lock(), fork.Queue()
    processes = [fork.Process(target=count, args=(value, lock, queue)) for _ in range(4)]
    for process in processes:
        process.start()
    print([queue.get(timeout=30) for _ in processes])
    for process in processes:
        process.join()
    print(value.value, [process.exitcode for process in processes])
    block = shared_memory.SharedMemory(create=True, size=100)
    process = fork.Process(target=write, args=(block.name,))
    process.start()
    process.join()
    print(bytes(block.buf[:6]))
    block.close()
    block.unlink()
    ours, theirs = fork.Pipe()
    process = fork.Process(target=lambda: theirs.send({"a": [1, 2]}))
    process.start()
    print(ours.recv())
    process.join()
    with fork.Manager() as manager:
        shared = manager.dict(x=1)
        shared["y"] = 2
        print(dict(shared))
