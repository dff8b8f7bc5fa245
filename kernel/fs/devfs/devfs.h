/* SPDX-License-Identifier: MIT */
/*
 * fs/devfs/devfs.h - /dev and the character devices behind device nodes
 *
 * Owns:    the table from device number to operations; the file system mounted on /dev.
 * Used by: dev (registers its devices), fs/vfs/open.c (a node anywhere in the tree leads here).
 * Locks:   the table is filled at start-up; later additions under fs_tree_lock.
 * Context: thread.
 * Fails:   -ENOMEM, -EEXIST; opening a number that is not registered gives -ENXIO.
 * Tests:   tests/host/fs_dev_test.c
 */
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/util.h"

struct dentry;
struct file_ops;

#define DEVICE(major, minor)                                                                       \
    ((uint64_t)(((minor)&0xffu) | (((major)&0xfffu) << 8)) | ((uint64_t)((minor) & ~0xffu) << 12))

/* The caller's, and lives for ever. */
struct char_device {
    const char *name; /* in /dev */
    uint64_t device;  /* DEVICE(major, minor) */
    uint32_t mode;    /* permissions of the node */
    const struct file_ops *ops;
    void *context;    /* becomes file->private */
    bool hidden;      /* its node is not in /dev: devpts */
    uint16_t nminors; /* so many numbers from `device` on; 0: that one */
    struct list node;
};

/* Mounts an empty file system on /dev, with the links fd, stdin, stdout and stderr. After
 * initrd_populate. */
MUST_CHECK int devfs_mount(void);

/* Registers a device, and makes its node when devfs is mounted. */
MUST_CHECK int devfs_register(struct char_device *device);
MUST_CHECK int devfs_symlink(const char *name, const char *text);

/* A node in directories of /dev, which are made on the way. Start-up only. */
MUST_CHECK int devfs_make_node(const char *path, uint32_t mode, uint64_t device);

/* A directory to mount something on. */
MUST_CHECK int devfs_make_directory(const char *name);

/* NULL: none. */
struct char_device *devfs_find(uint64_t device);

/* A node of a device, for the kernel itself: the one in /dev, or when something else has been put
 * in its place one that only the caller has. Looks at nothing but devfs's own root. */
MUST_CHECK int devfs_node_get(uint64_t device, struct dentry **out_dentry);
