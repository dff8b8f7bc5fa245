"""asyncio: servers and clients over unix sockets, processes, signals, timers, threads."""
import asyncio
import os
import signal
import sys

os.chdir(sys.argv[1])


async def echo(reader, writer):
    while line := await reader.readline():
        writer.write(line[::-1].lstrip() + b"\n")
        await writer.drain()
    writer.close()


async def client(n):
    reader, writer = await asyncio.open_unix_connection("socket")
    got = []
    for word in ("one", "two", "three"):
        writer.write(f"{word}{n}\n".encode())
        got.append((await reader.readline()).decode().strip())
    writer.close()
    await writer.wait_closed()
    return got


async def main():
    print(type(asyncio.get_running_loop()).__name__)
    server = await asyncio.start_unix_server(echo, "socket")
    async with server:
        print(await asyncio.gather(*(client(n) for n in range(8))))
    process = await asyncio.create_subprocess_exec(
        "cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    print(await process.communicate(b"through a child"), process.returncode)
    shells = [await asyncio.create_subprocess_shell(f"exit {n}") for n in range(5)]
    print([await shell.wait() for shell in shells])
    try:
        await asyncio.wait_for(asyncio.sleep(60), 0.05)
    except asyncio.TimeoutError:
        print("timed out")
    got = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, got.set)
    os.kill(os.getpid(), signal.SIGUSR1)
    await asyncio.wait_for(got.wait(), 10)
    print("signal", await asyncio.to_thread(sum, range(1000)))
    queue = asyncio.Queue(2)

    async def put():
        for n in range(10):
            await queue.put(n)

    task = asyncio.create_task(put())
    print([await queue.get() for _ in range(10)], await task)

asyncio.run(main())
