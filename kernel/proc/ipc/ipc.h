/* SPDX-License-Identifier: MIT */
/*
 * proc/ipc/ipc.h - what the three kinds of System V IPC have in common: tables, ids, permissions
 *
 * Owns:    ipc_limits; struct ipc_object, the head of a segment, an array of semaphores, a message
 * queue; a table of each kind, searched by index and by key; the bound of the memory behind them.
 * Rule:    an id is an index and a sequence number: a number that has been used comes to mean
 *          another object only after 65,536 turns. An object is found with a reference, then
 *          locked, then asked whether it was removed meanwhile: ipc_lock does the last two.
 *          Each IPC name space has tables of its own. When nothing has it any more its objects are
 *          removed; its memory goes with the last of them, which may still be attached.
 * Locks:   ipc_table.lock, a mutex, rank INODE: what is in the table. ipc_object.lock, a mutex,
 *          rank PIPE: the object. Both come behind the lock of an address space.
 * Fails:   -EINVAL for ids that mean nothing (any more), -EIDRM for an object that went while it
 *          was waited for, -EACCES, -EPERM, -ENOSPC for a full table.
 * Tests:   tests/user/ipc
 */
#pragma once

#include "kernel/lib/bitmap.h"
#include "kernel/lib/rbtree.h"
#include "kernel/lib/util.h"
#include "kernel/proc/ns.h"
#include "kernel/sched/mutex.h"
#include "shared/linux/ipc.h"

struct credentials;
struct procfs_node;
struct procfs_text;
struct super_block;

#define IPC_LINE_ROOM  256 /* a line of /proc/sysvipc has less */
#define IPC_INDEX_BITS 15
#define IPC_INDEXES    (1u << IPC_INDEX_BITS)

/* I constant after creation   t table.lock   l lock   a atomic */
struct ipc_object {
    struct rb_node index_node, key_node; /* [t] */
    uint32_t refs;                       /* [a] the table's, and one for each user */
    struct ipc_table *table;             /* [I] */
    unsigned index;                      /* [I] */
    int id;                              /* [I] */
    int key;                             /* [t] LX_IPC_PRIVATE: in no tree of keys */
    struct mutex lock;
    uint64_t size;                 /* [I] bytes of a segment, semaphores; else 0 */
    uint64_t units;                /* [I] what it has of table.total from making to removal */
    int64_t ctime_s;               /* [l] */
    bool removed;                  /* [l] not in the table any more */
    uint32_t uid, gid, cuid, cgid; /* [l] owner, creator */
    uint32_t mode;                 /* [l] */
};

/* Of all objects in all name spaces: /proc/sys/kernel, where root may change them. Single words,
 * read without a lock by what is made from then on. */
struct ipc_limits {
    uint64_t shm_bytes, shm_pages, shm_segments;  /* SHMMAX, SHMALL, SHMMNI */
    uint64_t msg_bytes, msg_queue, msg_queues;    /* MSGMAX, MSGMNB, MSGMNI */
    uint64_t sem_set, sem_all, sem_ops, sem_sets; /* SEMMSL, SEMMNS, SEMOPM, SEMMNI */
    uint64_t shm_next, msg_next, sem_next;        /* id that the next object asks for, once */
};
extern struct ipc_limits ipc_limits;

/* What *_STAT shows of any kind. */
union ipc_stat {
    struct lx_ipc_perm perm;
    struct lx_shmid_ds shm;
    struct lx_msqid_ds msg;
    struct lx_semid_ds sem;
};

struct ipc_kind {
    const uint64_t *most; /* of ipc_limits: as many as there may be in a table */
    uint64_t *next;       /* of ipc_limits, -1: any id. [a] */
    const char *heading;  /* of its file in /proc/sysvipc */
    size_t stat_nbytes;   /* of its part of the union */
    /* A new one of that size, complete but for its head, where size and units are set. */
    int (*create)(const struct task *self, struct ipc_table *table, uint64_t size, int key,
                  int flags, struct ipc_object **out_object);
    /* Behind the last reference, or in no table yet; no lock of it held. */
    void (*free)(struct ipc_object *object);
    /* Table and object locked. True: it is out of the table, whose reference is the caller's. */
    bool (*remove_locked)(struct ipc_object *object);
    /* Locked. All but the rights; the rest of a line, behind key, id and mode. */
    void (*stat)(const struct ipc_object *object, union ipc_stat *stat);
    void (*show)(const struct ipc_object *object, struct procfs_text *text);
};

/* I constant   l lock   a atomic */
struct ipc_table {
    struct mutex lock;
    struct rb_tree by_index, by_key;              /* [l] */
    uint64_t used_map[BITMAP_WORDS(IPC_INDEXES)]; /* [l] */
    unsigned used;                                /* [l] objects */
    unsigned last_index, sequence;                /* [l] of the last one that was made */
    uint64_t total;                               /* [a] the kind's own: pages, semaphores, */
    uint64_t nbytes;                              /* messages, and bytes in them */
    const struct ipc_kind *kind;                  /* [I] */
    struct ipc_namespace *space;                  /* [I] */
};

enum ipc_kind_number { IPC_SHM, IPC_MSG, IPC_SEM, IPC_KINDS };
extern const struct ipc_kind shm_kind, msg_kind, sem_kind;

struct ipc_namespace {
    struct ns_common common;
    uint32_t parts; /* [a] one while it is in use, one for each object */
    struct ipc_table tables[IPC_KINDS];
    struct super_block *mqueues; /* [I] POSIX message queues: mqueue_name.c */
};

extern struct ipc_namespace ipc_initial;

void ipc_init(void); /* at start-up */
/* An empty one, and the end of one: proc/ns.c. */
MUST_CHECK int ipc_copy(struct ns_common *from, struct ns_common **out_space);
void ipc_end(struct ns_common *space);

/* A part of it has gone: the last one frees it. */
void ipc_space_put(struct ipc_namespace *space);
static inline struct ipc_namespace *ipc_space_of(const struct task *task)
{
    return container_of(ns_of(task, NS_IPC), struct ipc_namespace, common);
}

/* That the task sees; NULL is the kernel itself. */
static inline struct ipc_table *ipc_table_of(const struct task *task, enum ipc_kind_number kind)
{
    return &ipc_space_of(task)->tables[kind];
}

/* --- the calls that all kinds have: *get, *_STAT, IPC_SET, IPC_RMID --- */

/* The id of one that has the key, and is not smaller, or of a new one. */
MUST_CHECK int ipc_open(const struct task *self, enum ipc_kind_number kind, int key, uint64_t size,
                        int flags);
/* By id the result is 0, by index it is the id: ipcs(1) learns ids from that. */
enum ipc_find { IPC_BY_ID, IPC_BY_INDEX, IPC_BY_INDEX_ANY };
MUST_CHECK int ipc_stat(const struct task *self, enum ipc_kind_number kind, int number,
                        enum ipc_find by, struct uptr buffer);
MUST_CHECK int ipc_set(const struct task *self, enum ipc_kind_number kind, int id,
                       const struct lx_ipc_perm *perm);
MUST_CHECK int ipc_remove(const struct task *self, enum ipc_kind_number kind, int id);
/* /proc/sysvipc; the kind is in .arg of the entry. */
int ipc_show(const struct procfs_node *node, struct procfs_text *text);

/* --- making; table locked --- */

/* Borrowed; NULL: none has that key, or it is LX_IPC_PRIVATE. */
struct ipc_object *ipc_find_key_locked(const struct ipc_table *table, int key);
/* Into the table, which takes over the caller's only reference; its id. Before this it is complete
 * but for its head. -ENOSPC: it still is the caller's. */
MUST_CHECK int ipc_insert_locked(struct ipc_table *table, struct ipc_object *object,
                                 const struct credentials *cred, int key, int flags);

/* --- finding and removing --- */

/* With a reference. -EINVAL. */
MUST_CHECK int ipc_get(struct ipc_table *table, int id, struct ipc_object **out_object);
/* The first one at or above the index, with a reference; NULL: there is none. */
struct ipc_object *ipc_get_next(struct ipc_table *table, unsigned index);
void ipc_put(struct ipc_object *object);

/* -EIDRM: not locked. */
MUST_CHECK int ipc_lock(struct ipc_object *object);

/* With a reference and locked, until ipc_unlock_put; where they fail, neither. The one that the
 * number means, if the caller has these rights; for IPC_SET: one that it may change. */
MUST_CHECK int ipc_lock_number(struct ipc_table *table, int number, enum ipc_find by,
                               const struct credentials *cred, uint32_t wanted,
                               struct ipc_object **out_object);
MUST_CHECK int ipc_lock_to_set(struct ipc_table *table, int id, const struct credentials *cred,
                               struct ipc_object **out_object);
void ipc_unlock_put(struct ipc_object *object);

/* Table and object locked: it can be found no longer. The caller puts the table's reference when
 * both are unlocked. */
void ipc_unlink_locked(struct ipc_object *object);
/* No other *get finds it, ids still do. Both locked. */
void ipc_unlink_key_locked(struct ipc_object *object);

/* The highest index in use; 0 also if there is none. Objects in use. */
int ipc_highest(struct ipc_table *table, unsigned *used);

/* --- permissions; object locked --- */

/* wanted: bits of a mode, of any of its three groups. 0 or -EACCES. */
MUST_CHECK int ipc_access(const struct ipc_object *object, const struct credentials *cred,
                          uint32_t wanted);
/* Whether the caller may remove or change it. 0 or -EPERM. */
MUST_CHECK int ipc_own(const struct ipc_object *object, const struct credentials *cred);

/* -EINVAL for an id that no user or group has. */
MUST_CHECK int ipc_perm_set(struct ipc_object *object, const struct lx_ipc_perm *perm);

int64_t ipc_now_s(void);

/* --- memory that lives as long as an object, not as a process --- */

/* Of kmalloc, zeroed, counted against a part of the machine's memory. NULL: none. */
MUST_CHECK void *ipc_alloc(size_t nbytes);
void ipc_free(void *memory, size_t nbytes);
