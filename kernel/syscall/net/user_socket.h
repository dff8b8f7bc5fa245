/* SPDX-License-Identifier: MIT */
/*
 * syscall/net/user_socket.h - sockets and addresses as programs give them
 *
 * Owns:    nothing.
 * Context: a system call; no lock held.
 * Fails:   -EBADF, -ENOTSOCK, -EINVAL, -EFAULT.
 * Tests:   tests/user/net/
 */
#pragma once

#include "kernel/fs/vfs/fdtable.h"
#include "kernel/net/socket.h"

struct task;

/* The socket behind a descriptor, borrowed as the file is. On failure there is nothing to put. */
MUST_CHECK int user_socket_find(struct task *self, int fd, struct fd_ref *ref,
                                struct socket **out_socket);
/* An address copied in, with zeroes behind it. */
MUST_CHECK int user_address_get(struct socket_address *address, struct uptr from, int nbytes);
/* As much as the program has room for; the word gets the length that it has. */
MUST_CHECK int user_address_put(const struct socket_address *address, struct uptr to,
                                struct uptr nbytes);

void user_socket_init(void); /* at start-up */
