/* SPDX-License-Identifier: MIT */
/* How a test program reports a check that did not hold. */
#include "tests/user/lib/check.h"

#include <string.h>
#include <unistd.h>

void say(int fd, const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t n = write(fd, text, left);
        if (n <= 0)
            return; /* nobody left to tell */
        text += n;
        left -= (size_t)n;
    }
}

void say_number(int fd, long value)
{
    char digits[24];
    char *p = digits + sizeof(digits) - 1;
    unsigned long rest = value < 0 ? 0UL - (unsigned long)value : (unsigned long)value;

    *p = '\0';
    do {
        *--p = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (value < 0)
        *--p = '-';
    say(fd, p);
}

void say_hex(int fd, uint64_t value)
{
    char digits[19] = "0x0000000000000000";

    for (int i = 17; i >= 2; i--, value >>= 4)
        digits[i] = "0123456789abcdef"[value & 15];
    say(fd, digits);
}

static void say_place(const char *file, int line, const char *text)
{
    say(2, file);
    say(2, ":");
    say_number(2, line);
    say(2, ": ");
    say(2, text);
}

_Noreturn void check_fail(const char *file, int line, const char *text)
{
    int err = errno;

    say_place(file, line, text);
    say(2, ": does not hold (errno ");
    say_number(2, err);
    say(2, ")\n");
    _exit(1);
}

static _Noreturn void fail_values(long got, long want, const char *what)
{
    say(2, ": got ");
    say_number(2, got);
    say(2, " ");
    say_hex(2, (uint64_t)got);
    say(2, what);
    say_number(2, want);
    say(2, "\n");
    _exit(1);
}

void check_equal(long got, long want, const char *file, int line, const char *text)
{
    if (got == want)
        return;
    say_place(file, line, text);
    fail_values(got, want, ", want ");
}

void check_error(long got, int want_errno, const char *file, int line, const char *text)
{
    int err = errno;

    if (got == -1 && err == want_errno)
        return;
    say_place(file, line, text);
    if (got != -1)
        fail_values(got, want_errno, ", want errno ");
    fail_values(err, want_errno, " in errno, want errno ");
}

long check_ok(long got, const char *file, int line, const char *text)
{
    int err = errno;

    if (got != -1)
        return got;
    say_place(file, line, text);
    fail_values(err, 0, " in errno, want success ");
}

int bytes_are(const void *start, int value, size_t nbytes)
{
    const unsigned char *p = start;

    for (size_t i = 0; i < nbytes; i++) {
        if (p[i] != (unsigned char)value)
            return 0;
    }
    return 1;
}

long raw_call(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
