"""epoll: level and edge, one shot, what cannot be watched; the library's selector over it."""
import os
import select
import selectors
import socket

print(selectors.DefaultSelector.__name__)
r, w = os.pipe()
with select.epoll() as poll:
    poll.register(r, select.EPOLLIN)
    print(poll.poll(0), os.write(w, b"ab"), poll.poll(1) == [(r, select.EPOLLIN)])
    print(poll.poll(0) == [(r, select.EPOLLIN)])
    poll.modify(r, select.EPOLLIN | select.EPOLLET)
    print(len(poll.poll(0)), len(poll.poll(0)), os.write(w, b"c"), len(poll.poll(0)))
    poll.modify(r, select.EPOLLIN | select.EPOLLONESHOT)
    print(len(poll.poll(0)), len(poll.poll(0)))
    poll.modify(r, select.EPOLLIN)
    os.close(w)
    print([events for _, events in poll.poll(0)], os.read(r, 9))
    print([events for _, events in poll.poll(0)])
    for action in (lambda: poll.register(r, 1), lambda: poll.unregister(0),
                   lambda: poll.register(os.open("/etc/passwd", os.O_RDONLY), 1),
                   lambda: poll.register(poll.fileno(), 1)):
        try:
            action()
        except OSError as err:
            print(type(err).__name__, err.errno, err)
    outer = select.epoll()
    outer.register(poll, select.EPOLLIN)
    print([events for _, events in outer.poll(0)])

pairs = [socket.socketpair() for _ in range(300)]
chosen = selectors.EpollSelector()
for number, (a, b) in enumerate(pairs):
    chosen.register(a, selectors.EVENT_READ, number)
for number in (3, 77, 299):
    pairs[number][1].send(b"x")
print(sorted(key.data for key, _ in chosen.select(1)))
pairs[3][1].close()
pairs[3][0].recv(1)
print(sorted((key.data, mask) for key, mask in chosen.select(1)))
for a, b in pairs:
    chosen.unregister(a)
print(len(chosen.get_map()), chosen.select(0))
event = os.eventfd(3, os.EFD_SEMAPHORE | os.EFD_NONBLOCK)
with select.epoll() as poll:
    poll.register(event)
    print([events for _, events in poll.poll(0)], [os.eventfd_read(event) for _ in range(3)])
    print([events for _, events in poll.poll(0)])
