# SPDX-License-Identifier: MIT
# Threads as glibc makes them, beside musl's. For seccomp_threads it must be glibc, on Linux as well:
# pthread_join of musl waits for what an ending thread writes itself, and never returns if a filter
# has killed that thread; glibc's waits for the word that the kernel clears (CLONE_CHILD_CLEARTID).
USER_LIBC_thread_life := glibc
USER_LIBC_seccomp_threads := glibc
USER_LIBC_thread_signal := glibc
USER_LIBC_thread_crowd := glibc
