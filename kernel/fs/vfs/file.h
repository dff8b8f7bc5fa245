/* SPDX-License-Identifier: MIT */
/*
 * fs/vfs/file.h - an open file: what descriptors point to
 *
 * Owns:    struct file, its reference count, its position; the table of operations.
 * Used by: fdtable (holds files), the system calls, exec and selftest (kernel-internal calls).
 * Locks:   position_lock, a mutex that comes before VM, INODE and PIPE and after nothing (so rank
 *          EXEC), only while a file with more than one holder has a position to move.
 * Context: thread. file_put may be called under no spinlock: it may call ops->release.
 * Tests:   tests/host/fs_file_test.c
 */
#pragma once

#include "kernel/fs/vfs/dentry.h"
#include "kernel/sched/mutex.h"
#include "kernel/vm/vm_user.h"

struct dir_emit;
struct epoll_item;
struct file_lock;
struct poll_waiter;
struct procfs_text;

enum file_access {
    FILE_READ = 1,
    FILE_WRITE = 2,
    FILE_POSITION = 4, /* reads and writes move a position; pread works */
    FILE_PATH = 8,     /* O_PATH: names a place, no input or output */
    FILE_DIRECTORY = 16,
    FILE_PRIVILEGED = 64,   /* by CAP_SYS_ADMIN: limits of users do not count */
    FILE_NOCTTY = 128,      /* O_NOCTTY: a terminal does not become the opener's */
    FILE_SERIAL = 32,       /* one read or write at a time: files and directories */
    FILE_WRITER = 256,      /* has claimed its inode for writing, until it goes */
    FILE_DENY_WRITE = 512,  /* likewise, for running it */
    FILE_NO_SIGPIPE = 1024, /* EPIPE of a write is no signal: sockets but streams */
    FILE_RAWIO = 0x10000,   /* opened by CAP_SYS_RAWIO */
};

/* Among the LX_O_* of file.flags, not for programs: its mount keeps no access times. */
#define FILE_FLAG_NOATIME 0x80000000u

/* I constant after creation   a atomic   p position_lock */
struct file {
    const struct file_ops *ops; /* [I] */
    struct inode *inode;        /* [I] never NULL; counted if there is no dentry, else by that */
    struct dentry *dentry;      /* [I] counted; NULL: it has no name (pipes) */
    void *private;              /* [I] the operations' own */
    uint64_t private_state;     /* the operations' own, and theirs to guard */
    uint32_t refs;              /* [a] */
    uint32_t access;            /* [I] enum file_access */
    uint32_t uid;               /* [I] real user of the opener: what it makes is charged to it */
    uint32_t flags;             /* [a] LX_O_*: access mode, O_APPEND, O_NONBLOCK, ... */
    struct file_owner *owner;   /* [a] whom signals about it go to; NULL: nothing was ever set */
    struct epoll_item *watches; /* that watch it: fs/event/epoll.c guards them */
    struct file_lock *flock;    /* its lock on the whole file, or NULL; guarded by inode->lock */
    struct mutex position_lock;
    int64_t position; /* [p] */
};

/* The mount that it was opened by. */
const struct mount *file_mount(const struct file *file);
uint32_t file_mount_flags(const struct file *file); /* LX_MS_* */

/* What another room keeps of it: proc/signal/file_owner.h. */
struct file_owner {
    void (*gone)(struct file *file); /* [I] the last reference is: takes it back */
    /* [I] That (LX_POLLMSG) has happened to the file, and a signal is to say so. Any context, with
     * whatever locks. LX_POLLPRI: SIGURG, before it returns; thread, mutexes before FILE_OWNER. */
    void (*report)(struct file *file, uint32_t events);
    void (*clear)(struct file *file); /* [I] signals go nowhere from now on */
};

/* A missing operation answers as noted. read and write: *offset is where to start, and moves
 * on; they return the number of bytes or, when there are none, a negative errno. */
struct file_ops {
    int (*open)(struct file *file);     /* device or FIFO: last step of opening. 0 when missing */
    void (*release)(struct file *file); /* last reference gone */
    int64_t (*read)(struct file *file, struct user_iter *io, int64_t *offset);  /* -EINVAL */
    int64_t (*write)(struct file *file, struct user_iter *io, int64_t *offset); /* -EINVAL */
    int64_t (*seek)(struct file *file, int64_t offset, int whence);             /* -ESPIPE */
    int64_t (*ioctl)(struct file *file, uint32_t request, struct uptr arg);     /* -ENOTTY */
    uint32_t (*poll)(struct file *file, struct poll_waiter *waiter);            /* always ready */
    /* Which of these events, that its head was woken for, SIGIO reports: POLLIN, POLLOUT, POLLERR,
     * POLLHUP alone. Called in any thread, under no spinlock. Missing: no O_ASYNC. */
    uint32_t (*async)(struct file *file, uint32_t events);
    int (*readdir)(struct file *file, struct dir_emit *emit); /* -ENOTDIR */
    int (*sync)(struct file *file);                           /* -EINVAL */
    struct vm_pager *pager; /* devices that can be mapped; files have one in their inode */
    /* What /proc/PID/fd shows for a file without a dentry, e.g. "pipe": "pipe:[7]". */
    const char *anon_name;
    /* Prints further lines of /proc/PID/fdinfo. None when missing. */
    void (*fdinfo)(struct file *file, struct procfs_text *text);
};

/* Where readdir puts entries. emit returns false when there is no room: readdir then stops with
 * file->position at that entry. `next` is the position behind the entry. */
struct dir_emit {
    bool (*emit)(struct dir_emit *emit, const char *name, size_t len, uint64_t ino, uint32_t mode,
                 int64_t next);
};

void file_init_cache(void);
uint64_t file_live_count(void); /* open files in the whole system */
uint64_t file_max_count(void);  /* so many may be open, but for root: file-max */

static inline void file_get(struct file *file)
{
    __atomic_fetch_add(&file->refs, 1, __ATOMIC_RELAXED);
}
void file_put(struct file *file);

/* One that its last reference may be leaving, but that is not released yet; false: it has. */
static inline bool file_get_live(struct file *file)
{
    uint32_t refs = __atomic_load_n(&file->refs, __ATOMIC_RELAXED);

    while (refs && !__atomic_compare_exchange_n(&file->refs, &refs, refs + 1, true,
                                                __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        ;
    return refs;
}

/* A file without a name, e.g. the harness's capture of standard output. mode: what fstat shows,
 * type included (LX_S_IFIFO | 0600, ...); flags: LX_O_RDONLY, LX_O_WRONLY or LX_O_RDWR, and
 * status flags. One reference. The operations find `private` in file->private.
 * cred: of the opener; NULL: the kernel itself. -ENOMEM, -ENFILE. */
MUST_CHECK int file_create_anon(const struct file_ops *ops, void *private, uint32_t mode,
                                uint32_t flags, const struct credentials *cred,
                                struct file **out_file);

/* A file for an inode, no open operation called. dentry may be NULL; otherwise the caller's
 * reference to it is now the file's, unless this fails. cred and errors as above. */
MUST_CHECK int file_create(const struct file_ops *ops, struct inode *inode, struct dentry *dentry,
                           uint32_t flags, const struct credentials *cred, struct file **out_file);

/* Undoes file_create when opening went wrong: no release operation, no other holder. */
void file_discard(struct file *file);

/* read(2) and write(2) at the file's position, under position_lock where needed; at an offset they
 * leave the position alone. -EBADF when not open for it. */
MUST_CHECK int64_t file_read(struct file *file, struct user_iter *io);
MUST_CHECK int64_t file_write(struct file *file, struct user_iter *io);
MUST_CHECK int64_t file_pread(struct file *file, struct user_iter *io, int64_t offset);
MUST_CHECK int64_t file_pwrite(struct file *file, struct user_iter *io, int64_t offset);
MUST_CHECK int64_t file_seek(struct file *file, int64_t offset, int whence);

/* For the kernel itself: exec, the plan, the report. Bytes read: fewer only at the end. */
MUST_CHECK int64_t file_read_kernel(struct file *file, void *dst, size_t nbytes, int64_t offset);
MUST_CHECK int64_t file_write_kernel(struct file *file, const void *src, size_t nbytes,
                                     int64_t offset);
uint64_t file_size(struct file *file);
uint32_t file_mode(const struct file *file);    /* type and permissions */
struct vm_pager *file_pager(struct file *file); /* NULL: it cannot be mapped */
/* The file is about to run, and is not written to from here until its last reference goes. The
 * caller has made it and is the only one to know it. -EACCES unless a regular file with an x bit
 * that counts for the context, -ETXTBSY. */
MUST_CHECK int file_begin_exec(struct file *file, const struct fs_context *context);
/* The same for writing: 0 at once for anything but a regular file that was opened for it. */
MUST_CHECK int file_begin_write(struct file *file);

/* getdents: -ENOTDIR. */
MUST_CHECK int file_read_directory(struct file *file, struct dir_emit *emit);

/* The operation async of files that have input alone to report, once it can be read. */
uint32_t file_async_input(struct file *file, uint32_t events);

/* lseek(2) for a file of that size, SEEK_SET, SEEK_CUR and SEEK_END. */
int64_t file_seek_bounded(struct file *file, int64_t offset, int whence, uint64_t size);
