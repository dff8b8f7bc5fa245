/* SPDX-License-Identifier: MIT */
/*
 * fs/devfs.h - /dev and the character devices behind device nodes
 *
 * Owns:    the table from device number to operations; the file system mounted on /dev.
 * Used by: dev (registers its devices), fs/open.c (a node anywhere in the tree leads here).
 * Locks:   the table is filled at start-up; later additions under fs_tree_lock.
 * Context: thread.
 * Fails:   -ENOMEM, -EEXIST; opening a number that nobody registered gives -ENXIO.
 * Tests:   tests/host/fs_dev_test.c
 */
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/util.h"

struct file_ops;

#define DEVICE(major, minor)                                                                       \
    ((uint64_t)(((minor)&0xffu) | (((major)&0xfffu) << 8)) | ((uint64_t)((minor) & ~0xffu) << 12))

/* The caller's, and lives for ever. */
struct char_device {
    const char *name; /* below /dev; may contain one '/': its directory is made */
    uint64_t device;  /* DEVICE(major, minor) */
    uint32_t mode;    /* permissions of the node */
    const struct file_ops *ops;
    void *context; /* becomes file->context */
    bool hidden;   /* devfs_show makes its node, not devfs_register */
    struct list node;
};

/* Mounts an empty file system on /dev, with the links fd, stdin, stdout and stderr. After
 * initrd_populate. */
MUST_CHECK int devfs_mount(void);

/* Registers a device, and makes its node when devfs is mounted. */
MUST_CHECK int devfs_register(struct char_device *device);
MUST_CHECK int devfs_symlink(const char *name, const char *text);

/* For devices that come and go: the node of a hidden one appears, with that owner, and vanishes.
 * Whoever opened it meanwhile keeps what it has. */
MUST_CHECK int devfs_show(const struct char_device *device, uint32_t uid, uint32_t gid);
MUST_CHECK int devfs_make_directory(const char *name);
void devfs_hide(const struct char_device *device);

/* NULL: none. */
struct char_device *devfs_find(uint64_t device);
