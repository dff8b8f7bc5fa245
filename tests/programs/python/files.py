"""Files as a language's library treats them: trees, links, times, positions, errors."""
import errno
import fcntl
import glob
import mmap
import os
import shutil
import stat
import sys
import tempfile

os.chdir(sys.argv[1])
os.makedirs("a/b/c")
with open("a/f", "w") as file:
    file.write("x" * 5000)
os.symlink("f", "a/l")
os.link("a/f", "a/h")
shutil.copytree("a", "z", symlinks=True)
print(sorted(glob.glob("z/**", recursive=True)))
print(stat.filemode(os.lstat("a/l").st_mode), os.readlink("a/l"), os.path.samefile("a/f", "a/h"))
os.utime("a/f", ns=(10**18 + 1, 10**18 + 2))
print(os.stat("a/f").st_atime_ns, os.stat("a/h").st_mtime_ns)
shutil.rmtree("a")
print(os.listdir("."))

fd = os.open("z/f", os.O_RDWR)
os.ftruncate(fd, 10)
print(os.pread(fd, 100, 5), os.pwrite(fd, b"QQ", 8), os.lseek(fd, 0, os.SEEK_END))
os.posix_fallocate(fd, 0, 100)
print(os.fstat(fd).st_size, os.preadv(fd, [bytearray(3), bytearray(9)], 0),
      os.writev(fd, [b"a", b"b"]))
print(os.get_inheritable(fd), os.get_blocking(fd), os.isatty(fd), os.listxattr("z/f"))
for path, mode in (("nope", "r"), ("z/f/x", "r"), ("z", "w"), ("n" * 300, "r"), ("z/f", "x")):
    try:
        open(path, mode)
    except OSError as err:
        print(path[:5], errno.errorcode[err.errno])
with os.scandir("z") as entries:
    print(sorted((entry.name, entry.is_dir(), entry.is_symlink()) for entry in entries))
folder = os.open("z", os.O_DIRECTORY)
os.rename("f", "g", src_dir_fd=folder, dst_dir_fd=folder)
os.chmod("z/g", 0o640)
print(oct(os.stat("g", dir_fd=folder).st_mode), os.access("z/g", os.X_OK), os.umask(0o77))

fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 5)
pid = os.fork()
if pid == 0:
    other = os.open("z/g", os.O_RDWR)
    fcntl.lockf(other, fcntl.LOCK_EX | fcntl.LOCK_NB, 5, 0)
    try:
        fcntl.lockf(other, fcntl.LOCK_EX | fcntl.LOCK_NB, 5, 5)
    except OSError as err:
        print(errno.errorcode[err.errno], flush=True)
    os._exit(0)
os.waitpid(pid, 0)
print(fcntl.fcntl(fd, fcntl.F_GETFD), fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE)

shared = mmap.mmap(-1, 8192)
shared[:5] = b"hello"
pid = os.fork()
if pid == 0:
    shared[:5] = b"child"
    os._exit(0)
os.waitpid(pid, 0)
print(shared[:5])
with tempfile.TemporaryFile() as file:
    file.write(b"abc" * 1000)
    file.seek(0)
    print(len(file.read()))
with tempfile.NamedTemporaryFile(dir=".") as file:
    file.truncate(10000)
    memory = mmap.mmap(file.fileno(), 0)
    memory[9999:] = b"z"
    memory.flush()
    file.seek(9999)
    print(file.read())
    memory.resize(20000)
    print(len(memory), os.fstat(file.fileno()).st_size, memory.find(b"z"))
    memory.close()
with tempfile.TemporaryDirectory(dir=".") as name:
    open(os.path.join(name, "q"), "w").write("x")
    print(os.listdir(name), os.statvfs(name).f_namemax, shutil.disk_usage(name).total > 0)
print(sorted(os.listdir(".")), shutil.which("sh"))
