/* SPDX-License-Identifier: MIT */
/*
 * The text of a system call, for traces and audits: name, arguments, result.
 *
 * All of it is made from the table (table.def) at compile time: one string that holds, for each
 * row, the name and a letter for each argument, NUL-terminated, and an array of the numbers in the
 * same order. The letter comes from the argument's name where that says more than its type (fd,
 * path, flags: NAMED_x), else from the type (KIND_x). A new row in the table needs no change here
 * unless its names are new.
 *
 * Lookups are linear. They run for traced calls only, which print a line anyway.
 */
#include "kernel/syscall/call_text.h"

#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

#define STRING_SIZE 64 /* of a path, as much is shown */
#define ERRNO_MAX   4095

/* An argument is shown by its type, unless its name says more. */
#define KIND_int   "d"
#define KIND_uint  "u"
#define KIND_long  "l"
#define KIND_ulong "x"
#define KIND_size  "z"
#define KIND_off   "l"
#define KIND_mode  "o"
#define KIND_uptr  "p"

#define NAMED_fd         ~, "d"
#define NAMED_dirfd      ~, "D"
#define NAMED_from_dirfd ~, "D"
#define NAMED_to_dirfd   ~, "D"
#define NAMED_nbytes     ~, "z"
#define NAMED_count      ~, "z"
#define NAMED_flags      ~, "X"
#define NAMED_request    ~, "X"
#define NAMED_path       ~, "s"
#define NAMED_from       ~, "s"
#define NAMED_to         ~, "s"
#define NAMED_text       ~, "s"

/* The second of NAMED_x's two, or, where there is no such macro, the type's. */
#define SECOND(first, second, ...) second
#define PICK(...)                  SECOND(__VA_ARGS__)
#define KIND(type, name)           PICK(NAMED_##name, KIND_##type, ~)

#define SYSCALL0(nr, ...) nr,
#define SYSCALL1(nr, ...) nr,
#define SYSCALL2(nr, ...) nr,
#define SYSCALL3(nr, ...) nr,
#define SYSCALL4(nr, ...) nr,
#define SYSCALL5(nr, ...) nr,
#define SYSCALL6(nr, ...) nr,
static const uint16_t numbers[] = {
#include "kernel/syscall/table.def"
};
#undef SYSCALL0
#undef SYSCALL1
#undef SYSCALL2
#undef SYSCALL3
#undef SYSCALL4
#undef SYSCALL5
#undef SYSCALL6

#define ROW(name, ...)                             #name "\0" __VA_ARGS__ "\0"
#define SYSCALL0(nr, name)                         ROW(name, "")
#define SYSCALL1(nr, name, t1, a1)                 ROW(name, KIND(t1, a1))
#define SYSCALL2(nr, name, t1, a1, t2, a2)         ROW(name, KIND(t1, a1) KIND(t2, a2))
#define SYSCALL3(nr, name, t1, a1, t2, a2, t3, a3) ROW(name, KIND(t1, a1) KIND(t2, a2) KIND(t3, a3))
#define SYSCALL4(nr, name, t1, a1, t2, a2, t3, a3, t4, a4)                                         \
    ROW(name, KIND(t1, a1) KIND(t2, a2) KIND(t3, a3) KIND(t4, a4))
#define SYSCALL5(nr, name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5)                                 \
    ROW(name, KIND(t1, a1) KIND(t2, a2) KIND(t3, a3) KIND(t4, a4) KIND(t5, a5))
#define SYSCALL6(nr, name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5, t6, a6)                         \
    ROW(name, KIND(t1, a1) KIND(t2, a2) KIND(t3, a3) KIND(t4, a4) KIND(t5, a5) KIND(t6, a6))

/* In the order of numbers[]: a name, and a letter for each argument. */
static const char rows[] = {
#include "kernel/syscall/table.def"
};

#define ERROR(name)                                                                                \
    {                                                                                              \
        name, #name                                                                                \
    }
static const struct {
    uint8_t number;
    char name[13];
} errors[] = {
    /* what handlers return; others are shown as numbers */
    ERROR(EPERM),        ERROR(ENOENT),    ERROR(ESRCH),   ERROR(EINTR),      ERROR(EIO),
    ERROR(ENXIO),        ERROR(E2BIG),     ERROR(ENOEXEC), ERROR(EBADF),      ERROR(ECHILD),
    ERROR(EAGAIN),       ERROR(ENOMEM),    ERROR(EACCES),  ERROR(EFAULT),     ERROR(EBUSY),
    ERROR(EEXIST),       ERROR(EXDEV),     ERROR(ENODEV),  ERROR(ENOTDIR),    ERROR(EISDIR),
    ERROR(EINVAL),       ERROR(EMFILE),    ERROR(ENOTTY),  ERROR(EFBIG),      ERROR(ENOSPC),
    ERROR(ESPIPE),       ERROR(EROFS),     ERROR(EPIPE),   ERROR(ERANGE),     ERROR(EDEADLK),
    ERROR(ENAMETOOLONG), ERROR(ENOLCK),    ERROR(ENOSYS),  ERROR(ENOTEMPTY),  ERROR(ELOOP),
    ERROR(ENODATA),      ERROR(EOVERFLOW), ERROR(ELIBBAD), ERROR(EOPNOTSUPP), ERROR(ETIMEDOUT),
    ERROR(ESTALE),
};

/* A row is two strings: the name, and the letters of the arguments. */
static const char *row_next(const char *row)
{
    row += strlen(row) + 1;
    return row + strlen(row) + 1;
}

/* NULL: no row has that number. */
static const char *row_find(uint32_t number)
{
    const char *row = rows;

    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++, row = row_next(row))
        if (numbers[i] == number)
            return row;
    return NULL;
}

/* The number of a name, for trace=syscall,NAME; -ENOENT. */
int call_find(const char *name, size_t nbytes)
{
    const char *row = rows;

    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++, row = row_next(row))
        if (strlen(row) == nbytes && memcmp(row, name, nbytes) == 0)
            return numbers[i];
    return -ENOENT;
}

/* A string of the caller's, or its address if it has none there. */
static size_t string_print(char *text, size_t size, uint64_t va)
{
    char string[STRING_SIZE];
    int64_t length = vm_user_read_string(string, (struct uptr){va}, sizeof(string));

    if (length == -ENAMETOOLONG)
        return fmt_print(text, size, "\"%.*s\"...", STRING_SIZE, string);
    if (length < 0)
        return fmt_print(text, size, "0x%llx", (unsigned long long)va);
    return fmt_print(text, size, "\"%s\"", string);
}

/* The letters are those of KIND_x and NAMED_x above. 32-bit arguments are cut: their upper halves
 * may hold anything. */
static size_t argument_print(char *text, size_t size, char kind, uint64_t value, bool strings)
{
    switch (kind) {
    case 'D':
        if ((int)value == LX_AT_FDCWD)
            return fmt_print(text, size, "AT_FDCWD");
        return fmt_print(text, size, "%d", (int)value);
    case 'd':
        return fmt_print(text, size, "%d", (int)value);
    case 'u':
        return fmt_print(text, size, "%u", (unsigned)value);
    case 'l':
        return fmt_print(text, size, "%lld", (long long)value);
    case 'z':
        return fmt_print(text, size, "%llu", (unsigned long long)value);
    case 'o':
        return fmt_print(text, size, "0%o", (unsigned)value);
    case 'X':
        return fmt_print(text, size, "0x%x", (unsigned)value);
    case 's':
        if (strings && value)
            return string_print(text, size, value);
        break;
    default:
        break;
    }
    if (!value && kind != 'x')
        return fmt_print(text, size, "NULL");
    return fmt_print(text, size, "0x%llx", (unsigned long long)value);
}

/* Returns the length, less than size. A call without a row is shown with six words, as all
 * registers might matter. `strings`: paths may be read from the caller's memory, which is right
 * only while it still runs the call. */
COLD size_t call_print(char *text, size_t size, const struct call_record *record, bool strings)
{
    const char *row = row_find(record->number);
    const char *kinds = row ? row + strlen(row) + 1 : "xxxxxx";
    size_t used;

    if (row)
        used = fmt_print(text, size, "%s(", row);
    else
        used = fmt_print(text, size, "syscall_%u(", record->number);
    for (unsigned i = 0; kinds[i] && used < size; i++) {
        if (i)
            used += fmt_print(text + used, size - used, ", ");
        if (used < size)
            used += argument_print(text + used, size - used, kinds[i], record->args[i], strings);
    }
    if (used < size)
        used += fmt_print(text + used, size - used, ")");
    return MIN(used, size - 1);
}

/* As strace(1) shows it: the name of an error, else a number or an address. */
size_t call_print_result(char *text, size_t size, int64_t result)
{
    size_t used;

    for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
        if (errors[i].number == -result)
            return MIN(fmt_print(text, size, "-%s", errors[i].name), size - 1);
    /* Whatever is no small number is an address. */
    if (result > INT32_MAX || result < -ERRNO_MAX)
        used = fmt_print(text, size, "0x%llx", (unsigned long long)result);
    else
        used = fmt_print(text, size, "%d", (int)result);
    return MIN(used, size - 1);
}
