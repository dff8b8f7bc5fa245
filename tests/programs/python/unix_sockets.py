"""Sockets of AF_UNIX: pairs, servers with threads, messages, descriptors and credentials."""
import array
import os
import socket
import socketserver
import struct
import sys
import threading

os.chdir(sys.argv[1])
a, b = socket.socketpair()
a.sendall(b"hello")
print(b.recv(3, socket.MSG_PEEK), b.recv(100), a.family, a.type)
a.shutdown(socket.SHUT_WR)
print(b.recv(1), b.send(b"back"), a.recv(9))
a.close()
try:
    b.send(b"x")
except BrokenPipeError as err:
    print(err)
b.close()

for kind in (socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
    a, b = socket.socketpair(socket.AF_UNIX, kind)
    for size in (1, 0, 70):
        a.send(b"x" * size)
    print([len(b.recv(50)) for _ in range(3)], b.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE))
    b.setblocking(False)
    try:
        b.recv(1)
    except BlockingIOError as err:
        print(err)
    a.close()
    b.close()

a, b = socket.socketpair()
r, w = os.pipe()
socket.send_fds(a, [b"fd"], [w])
data, fds, flags, _ = socket.recv_fds(b, 10, 4)
os.close(w)
os.write(fds[0], b"through")
os.close(fds[0])
print(data, len(fds), os.read(r, 100), os.read(r, 100), flags == socket.MSG_CMSG_CLOEXEC or flags)
b.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
a.sendmsg([b"who"], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS,
                      struct.pack("3i", os.getpid(), os.getuid(), os.getgid()))])
data, ancillary, _, _ = b.recvmsg(10, 100)
print(data, struct.unpack("3i", ancillary[0][2]) == (os.getpid(), os.getuid(), os.getgid()))
peer = struct.unpack("3i", a.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
print(peer == (os.getpid(), os.getuid(), os.getgid()))


class Upper(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.upper())


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


for address in ("name", "\0firstlight-test"):
    with Server(address, Upper) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        clients = []
        for n in range(10):
            client = socket.socket(socket.AF_UNIX)
            client.connect(address)
            client.sendall(b"line %d\n" % n)
            clients.append(client)
        print(b"".join(client.recv(100) for client in clients))
        print(client.getpeername(), repr(client.getsockname()), server.socket.getsockname())
        for client in clients:
            client.close()
        server.shutdown()
for address, what in (("name", "bind"), ("nobody", "connect"), ("name", "connect"),
                      ("/" + "x" * 120, "connect")):
    with socket.socket(socket.AF_UNIX) as s:
        try:
            getattr(s, what)(address)
        except OSError as err:
            print(what, err)
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as two:
        one.bind("one")
        two.bind("two")
        two.sendto(b"datagram", "one")
        print(one.recvfrom(100), oct(os.stat("one").st_mode))
        one.settimeout(0.05)
        try:
            one.recv(1)
        except TimeoutError as err:
            print(err)
a, b = socket.socketpair()
sent = threading.Thread(target=lambda: (a.sendall(bytes(range(256)) * 4000), a.close()))
sent.start()
total = 0
while data := b.recv(65536):
    total += len(data)
sent.join()
print(total, array.array("i", [total]).itemsize)
