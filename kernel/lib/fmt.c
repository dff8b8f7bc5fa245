/* SPDX-License-Identifier: MIT */
/*
 * Formatted text, a subset of C's printf; no fractions.
 *
 * Conversions: c s d i o u x X p %, flags - 0 + space #, width and precision as numbers or `*`,
 * sizes hh h l ll z. An unknown conversion is copied as it stands, and its argument is not
 * consumed: a mistake in a format shows in the output. It runs in the panic path and in the loader,
 * so it keeps no state and allocates nothing.
 */
#include "kernel/lib/fmt.h"

#include "kernel/lib/string.h"

/* Where text goes; length counts also what no longer fits. Output that does not fit is counted and
 * dropped, as snprintf does: the caller sees how much room would have been needed. */
struct fmt_out {
    char *buf;
    size_t size;
    size_t length;
};

/* The width of an integer argument; FMT_SIZE is that of size_t. */
enum fmt_size {
    FMT_CHAR,
    FMT_SHORT,
    FMT_INT,
    FMT_LONG,
    FMT_LLONG,
    FMT_SIZE,
};

/* One conversion, as parsed between the percent sign and its letter. */
struct fmt_spec {
    /* The flags - 0 + space #. */
    bool left, zero, plus, space, prefix;
    size_t width;
    bool has_precision;
    size_t precision;
    enum fmt_size size;
};

/* 64 bits take 20 digits in decimal and 22 in octal: one for each three bits. */
#define DIGITS_MAX 22

/* length may pass size: from then on nothing is copied. */
static void put_bytes(struct fmt_out *out, const char *bytes, size_t nbytes)
{
    if (out->length < out->size) {
        size_t room = out->size - out->length;

        memcpy(out->buf + out->length, bytes, MIN(nbytes, room));
    }
    out->length += nbytes;
}

/* Padding may be huge (a width is a number in the format): it is counted and not looped over. */
static void put_fill(struct fmt_out *out, char byte, size_t nbytes)
{
    if (out->length < out->size) {
        size_t room = out->size - out->length;

        memset(out->buf + out->length, byte, MIN(nbytes, room));
    }
    out->length += nbytes;
}

/* A text with its padding. The text is read up to its NUL or the precision, whichever is first: a
 * precision makes it safe to print bytes without a NUL. Width counts bytes, not columns: right for
 * ASCII. */
static void put_text(struct fmt_out *out, const struct fmt_spec *spec, const char *text,
                     size_t length)
{
    size_t pad = spec->width > length ? spec->width - length : 0;

    if (!spec->left)
        put_fill(out, ' ', pad);
    put_bytes(out, text, length);
    if (spec->left)
        put_fill(out, ' ', pad);
}

/* A NULL is printed rather than dereferenced: log calls run in error paths. */
static void put_string(struct fmt_out *out, const struct fmt_spec *spec, const char *text)
{
    if (!text)
        text = "(null)";
    put_text(out, spec, text, spec->has_precision ? strnlen(text, spec->precision) : strlen(text));
}

/* Four digits with each large division. */
char *fmt_decimal_before(char *end, uint64_t value)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";

    unsigned rest;

    for (; value >= 10000; value /= 10000) {
        unsigned four = (unsigned)(value % 10000);

        end -= 4;
        memcpy(end, &pairs[four / 100 * 2], 2);
        memcpy(end + 2, &pairs[four % 100 * 2], 2);
    }
    rest = (unsigned)value;
    if (rest >= 100) {
        end -= 2;
        memcpy(end, &pairs[rest % 100 * 2], 2);
        rest /= 100;
    }
    if (rest >= 10) {
        end -= 2;
        memcpy(end, &pairs[rest * 2], 2);
    } else if (rest) {
        *--end = (char)('0' + rest);
    }
    return end;
}

/* Digits of value, right-aligned in a buffer of DIGITS_MAX; returns how many. None for zero: the
 * precision, which is 1 unless given, supplies that digit. */
static size_t digits_write(char digits[DIGITS_MAX], uint64_t value, char conversion)
{
    const char *set = conversion == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    size_t n = 0;

    if (conversion == 'x' || conversion == 'X') {
        for (; value; value >>= 4)
            digits[DIGITS_MAX - ++n] = set[value & 15];
    } else if (conversion == 'o') {
        for (; value; value >>= 3)
            digits[DIGITS_MAX - ++n] = set[value & 7];
    } else {
        n = (size_t)(digits + DIGITS_MAX - fmt_decimal_before(digits + DIGITS_MAX, value));
    }
    return n;
}

/* sign: "", "-", "0x" and the like. Its place is before zeroes but after blanks. As in C, a
 * precision or left alignment switches the flag 0 off. */
static void put_number(struct fmt_out *out, const struct fmt_spec *spec, const char *sign,
                       uint64_t value, char conversion)
{
    char digits[DIGITS_MAX];
    size_t ndigits = digits_write(digits, value, conversion);
    size_t least = spec->has_precision ? spec->precision : 1;
    /* A precision of 0 prints a zero as nothing, as in C. */
    size_t nzeroes = least > ndigits ? least - ndigits : 0;
    size_t length = strlen(sign) + nzeroes + ndigits;
    size_t pad = spec->width > length ? spec->width - length : 0;

    if (spec->zero && !spec->left && !spec->has_precision) {
        nzeroes += pad;
        pad = 0;
    }
    if (!spec->left)
        put_fill(out, ' ', pad);
    put_bytes(out, sign, strlen(sign));
    put_fill(out, '0', nzeroes);
    put_bytes(out, digits + DIGITS_MAX - ndigits, ndigits);
    if (spec->left)
        put_fill(out, ' ', pad);
}

/* char and short arrive as int by the default argument promotions, and are cut back here. */
static int64_t arg_signed(va_list *args, enum fmt_size size)
{
    switch (size) {
    case FMT_CHAR:
        return (signed char)va_arg(*args, int);
    case FMT_SHORT:
        return (short)va_arg(*args, int);
    case FMT_LONG:
        return va_arg(*args, long);
    case FMT_LLONG:
        return va_arg(*args, long long);
    case FMT_SIZE:
        return (int64_t)va_arg(*args, size_t);
    default:
        return va_arg(*args, int);
    }
}

/* Unsigned types are extended with zeroes, whatever the size. */
static uint64_t arg_unsigned(va_list *args, enum fmt_size size)
{
    switch (size) {
    case FMT_CHAR:
        return (unsigned char)va_arg(*args, unsigned);
    case FMT_SHORT:
        return (unsigned short)va_arg(*args, unsigned);
    case FMT_LONG:
        return va_arg(*args, unsigned long);
    case FMT_LLONG:
        return va_arg(*args, unsigned long long);
    case FMT_SIZE:
        return va_arg(*args, size_t);
    default:
        return va_arg(*args, unsigned);
    }
}

/* Negated as unsigned: the least number has no positive counterpart. */
static void put_signed(struct fmt_out *out, const struct fmt_spec *spec, int64_t value)
{
    const char *sign = value < 0 ? "-" : spec->plus ? "+" : spec->space ? " " : "";

    put_number(out, spec, sign, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 'd');
}

/* A number in the format, or `*`. A negative width from an argument means left-aligned, a negative
 * precision none, as in C. */
static const char *parse_count(const char *at, va_list *args, int *out_count)
{
    unsigned count = 0;

    if (*at == '*') {
        *out_count = va_arg(*args, int);
        return at + 1;
    }
    /* Cut at a limit that no caller needs, so that the number cannot overflow. */
    for (; *at >= '0' && *at <= '9'; at++)
        count = count < 100000 ? count * 10 + (unsigned)(*at - '0') : count;
    *out_count = (int)count;
    return at;
}

/* Any order, any number of times. */
static const char *parse_flags(const char *at, struct fmt_spec *spec)
{
    for (;; at++) {
        if (*at == '-')
            spec->left = true;
        else if (*at == '0')
            spec->zero = true;
        else if (*at == '+')
            spec->plus = true;
        else if (*at == ' ')
            spec->space = true;
        else if (*at == '#')
            spec->prefix = true;
        else
            return at;
    }
}

/* t and j are not known: no caller prints a ptrdiff_t or an intmax_t. */
static const char *parse_size(const char *at, struct fmt_spec *spec)
{
    spec->size = FMT_INT;
    if (*at == 'z') {
        spec->size = FMT_SIZE;
        return at + 1;
    }
    if (*at == 'l') {
        spec->size = at[1] == 'l' ? FMT_LLONG : FMT_LONG;
        return at + (at[1] == 'l' ? 2 : 1);
    }
    if (*at == 'h') {
        spec->size = at[1] == 'h' ? FMT_CHAR : FMT_SHORT;
        return at + (at[1] == 'h' ? 2 : 1);
    }
    return at;
}

/* Ends at the conversion letter, or at the NUL of a format that stops too early. */
static const char *parse_spec(const char *at, va_list *args, struct fmt_spec *spec)
{
    int count;

    *spec = (struct fmt_spec){0};
    at = parse_flags(at, spec);
    at = parse_count(at, args, &count);
    if (count < 0)
        spec->left = true;
    spec->width = count < 0 ? 0 - (unsigned)count : (unsigned)count;
    if (*at == '.') {
        at = parse_count(at + 1, args, &count);
        spec->has_precision = count >= 0;
        spec->precision = count < 0 ? 0 : (size_t)count;
    }
    return parse_size(at, spec);
}

/* False: no such conversion. spec is changed for %p alone. The compiler checks formats and
 * arguments (PRINTF_LIKE); what it lets pass is handled here. */
static bool put_conversion(struct fmt_out *out, struct fmt_spec *spec, char conversion,
                           va_list *args)
{
    uint64_t value;
    char byte;

    switch (conversion) {
    case 'c':
        /* A NUL is output like any other character. */
        byte = (char)va_arg(*args, int);
        put_text(out, spec, &byte, 1);
        return true;
    case 's':
        put_string(out, spec, va_arg(*args, const char *));
        return true;
    case 'd':
    case 'i':
        put_signed(out, spec, arg_signed(args, spec->size));
        return true;
    case 'o':
    case 'u':
        put_number(out, spec, "", arg_unsigned(args, spec->size), conversion);
        return true;
    case 'x':
    case 'X':
        value = arg_unsigned(args, spec->size);
        put_number(out, spec, spec->prefix && value ? (conversion == 'x' ? "0x" : "0X") : "", value,
                   conversion);
        return true;
    /* Always 16 digits, so that addresses in the log line up. */
    case 'p':
        spec->has_precision = true;
        spec->precision = 16;
        put_number(out, spec, "0x", (uintptr_t)va_arg(*args, void *), 'x');
        return true;
    case '%':
        put_bytes(out, "%", 1);
        return true;
    default:
        return false;
    }
}

/* A size of 0 writes nothing, not even the NUL, and still returns the length. */
size_t fmt_vprint(char *buf, size_t size, const char *format, va_list args)
{
    struct fmt_out out = {.buf = buf, .size = size, .length = 0};
    va_list rest;

    /* A copy whose address can be passed on: a va_list parameter may be an array that decayed. */
    va_copy(rest, args);
    /* Plain text is copied in one piece up to the next percent sign. */
    while (*format) {
        const char *percent = strchr(format, '%');
        size_t nplain = percent ? (size_t)(percent - format) : strlen(format);
        struct fmt_spec spec;
        const char *end;

        put_bytes(&out, format, nplain);
        if (!percent)
            break;
        end = parse_spec(percent + 1, &rest, &spec);
        /* Else the text of the conversion is output as it stands. */
        if (*end && put_conversion(&out, &spec, *end, &rest)) {
            format = end + 1;
        } else {
            put_bytes(&out, percent, (size_t)(end - percent));
            format = end;
        }
    }
    va_end(rest);
    if (size > 0)
        buf[MIN(out.length, size - 1)] = '\0';
    return out.length;
}

/* As fmt_vprint, which does the work. */
size_t fmt_print(char *buf, size_t size, const char *format, ...)
{
    va_list args;
    size_t length;

    va_start(args, format);
    length = fmt_vprint(buf, size, format, args);
    va_end(args);
    return length;
}
