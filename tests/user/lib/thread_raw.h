/* SPDX-License-Identifier: MIT */
/*
 * tests/user/lib/thread_raw.h - a thread without the C library's clone()
 *
 * Used by: tests of threads that are built with musl, whose clone() refuses CLONE_THREAD since
 *          1.2.5.
 * Rule:    the thread has its maker's thread-local storage: it makes raw calls and leaves errno
 *          alone, or its maker waits meanwhile.
 */
#pragma once

#include <sched.h>
#include <sys/syscall.h>

#define THREAD_RAW                                                                                 \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

/* The thread's id or a negative errno. top: the end of its stack, a multiple of 16. What the
 * function returns is the thread's exit code. */
static inline long thread_raw_begin(int (*function)(void *), char *top, unsigned long more_flags)
{
    register long no_tid __asm__("r10") = 0, no_tls __asm__("r8") = 0;
    long result = SYS_clone;

    __asm__ volatile("syscall\n\t"
                     "testq %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xorl %%edi, %%edi\n\t"
                     "call *%%rbx\n\t"
                     "movl %%eax, %%edi\n\t"
                     "movl $60, %%eax\n\t"
                     "syscall\n"
                     "1:"
                     : "+a"(result)
                     : "b"(function), "D"(THREAD_RAW | more_flags), "S"(top), "d"(0), "r"(no_tid),
                       "r"(no_tls)
                     : "rcx", "r11", "memory");
    return result;
}
