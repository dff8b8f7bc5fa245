# SPDX-License-Identifier: MIT
# Threads as glibc makes them; those of thread_signal are musl's.
USER_LIBC_thread_life := glibc
USER_LIBC_thread_crowd := glibc
