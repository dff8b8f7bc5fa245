# SPDX-License-Identifier: MIT
# Threads as glibc makes them, beside musl's.
USER_LIBC_thread_life := glibc
USER_LIBC_seccomp_threads := glibc
USER_LIBC_thread_signal := glibc
USER_LIBC_thread_crowd := glibc
