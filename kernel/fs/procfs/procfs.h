/* SPDX-License-Identifier: MIT */
/*
 * fs/procfs/procfs.h - /proc and /sys: files whose contents are made when they are read
 *
 * Owns:    the file system; directories out of tables of entries; text that is made piece by piece.
 *          What is in the files belongs to the rooms that register them.
 * Used by: proc (processes, the system), others for a file of their own: one procfs_entry, one
 *          procfs_register; dev/sysfs for a tree of its own.
 * Rule:    a node names a process by number and serial, never by a reference: it keeps none
 *          alive, and each operation looks the process up and answers -ESRCH when it is gone.
 * Locks:   a spinlock of rank PROCFS for the text that an open file keeps. Operations of entries
 *          are called with no lock held.
 * Context: thread.
 * Fails:   -ENOENT, -ESRCH, -EACCES, -ENOMEM.
 * Tests:   tests/user/proc/proc_*.c
 */
#pragma once

#include "kernel/fs/vfs/inode.h"

struct user_iter;

/* Where an entry's contents go. */
struct procfs_text {
    char *bytes;
    size_t size, used; /* used at size or above: cut, the entry is asked again with more room */
    uint64_t cursor;   /* 0 at first; the entry's own: where to go on */
    bool more;         /* the entry has stopped at cursor, and there is more */
};
PRINTF_LIKE(2, 3) void procfs_print(struct procfs_text *text, const char *format, ...);
void procfs_put(struct procfs_text *text, const void *bytes, size_t nbytes);
/* As much of a block as has room, from the cursor on, and where to go on. */
void procfs_put_block(struct procfs_text *text, const void *bytes, size_t nbytes);

#define PROCFS_NONE (-1)

struct procfs_dir {
    const struct procfs_entry *entries;
    unsigned count;
    /* Entries whose names are numbers: the lowest at or above that one, PROCFS_NONE, or -ENOENT
     * when the directory is gone. NULL: there are none. */
    int (*next)(const struct procfs_node *dir, int number);
    /* Completes *out, a copy of the directory's node, entry included. 0, -ENOENT. */
    int (*find)(const struct procfs_node *dir, int number, struct procfs_node *out);
    /* What the numbers are called, with `out` as find completes it. NULL: by their digits. */
    void (*name_of)(const struct procfs_node *out, char *text, size_t size);
};

/* Constant, by type: text, symlink, directory. There are hundreds: each union has what one type
 * needs. */
struct procfs_entry {
    const char *name;
    uint16_t mode;
    uint16_t arg; /* the entry's own: which of several things a function shows */
    bool sized;   /* `size` is set, and neither `write` nor `super` */
    bool own_ops; /* a file with file_ops instead of show */
    bool guarded; /* opening it asks procfs_ops.access, too */
    bool bound;   /* about the program that the process runs now: node.generation is set */
    union {
        /* Appends the contents: 0 or an errno. */
        int (*show)(const struct procfs_node *node, struct procfs_text *text);
        int64_t (*readlink)(const struct procfs_node *node, char *text, size_t size);
        const struct procfs_dir *dir;
        const struct file_ops *file_ops;
    };
    union {
        /* Symlinks that are more than their text: see inode.h. */
        int (*magic_link)(const struct procfs_node *node, struct dentry **out_target);
        /* Directories: they and what is in them count as this file system. NULL: as the one above.
         */
        struct super_block *const *super;
        /* All that was given has been taken, or an errno. NULL: -EINVAL. */
        int (*write)(const struct procfs_node *node, struct user_iter *io);
        /* sized: st_size; nothing is taken. Of a directory: how many of its numbers st_nlink
         * counts.
         */
        uint64_t (*size)(const struct procfs_node *node);
    };
};

#define PROCFS_TEXT(entry_name, permissions, function)                                             \
    {                                                                                              \
        .name = (entry_name), .mode = LX_S_IFREG | (permissions), .show = (function)               \
    }

/* A file that its owner can write, too: reads show, writes take. */
#define PROCFS_WRITABLE(entry_name, reads, writes)                                                 \
    {                                                                                              \
        .name = (entry_name), .mode = LX_S_IFREG | 0644, .show = (reads), .write = (writes)        \
    }

/* What the room that knows processes gives. */
struct procfs_ops {
    struct procfs_dir processes; /* the numbers in the root */
    /* Whose files these are. -ENOENT: the process is gone. */
    int (*owner)(const struct procfs_node *node, uint32_t *uid, uint32_t *gid);
    /* Which of its programs the process runs. */
    uint32_t (*generation)(const struct procfs_node *node);
    /* May the caller look into that process: 0, -EACCES, -ESRCH. */
    int (*access)(const struct procfs_node *node);
};

/* The file system, mounted on /proc; after initrd_populate. */
MUST_CHECK int procfs_mount(const struct procfs_ops *ops);

/* A file system of the same make: constant, and so is what it leads to. */
struct procfs_tree {
    const char *type;
    uint64_t magic;
    uint64_t file_nbytes; /* st_size of files that have no other */
    const struct procfs_entry *root;
};

/* Mounts a tree at start-up; programs may mount the type from then on. */
MUST_CHECK int procfs_tree_mount(const struct procfs_tree *tree, const char *path);

/* Another one of a type, mounted nowhere yet. -ENODEV: there is no tree of that type. */
MUST_CHECK int procfs_super_create(const char *type, const char *source,
                                   struct super_block **out_super);

/* May the caller look into the node's process, if it has one: 0, -EACCES, -ESRCH. For file_ops of
 * an entry's own, too. */
MUST_CHECK int procfs_access(const struct procfs_node *node);

/* Files in the root, for ever. Start-up only; a few tables. */
void procfs_register(const struct procfs_entry *entries, unsigned count);
