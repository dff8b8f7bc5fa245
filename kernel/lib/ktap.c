/* SPDX-License-Identifier: MIT */
/*
 * Lines of the test report: KTAP, and the cleaning of what others contribute to it.
 *
 * The report goes to a serial line that a program on another machine reads, so nothing that a test
 * prints may look like a result. Output of programs is put behind "#: ", control characters are
 * shown as ^X or \xNN, and texts inside a line lose what would end or comment it.
 */
#include "kernel/lib/ktap.h"

#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/lib/utf8.h"

/* The longest that a character becomes: a C1 control is two bytes, four characters each. */
#define SHOWN_MAX 8

#define REASON_MAX   512 /* of a reason as shown */
#define FIRMWARE_MAX 128

static size_t show_byte(char out[4], uint8_t byte)
{
    const char *digits = "0123456789abcdef";

    out[0] = '\\';
    out[1] = 'x';
    out[2] = digits[byte >> 4];
    out[3] = digits[byte & 15];
    return 4;
}

/* How the character at the start of nbytes (at least 1) bytes is shown. *out_taken is its length, 1
 * for a byte that is not UTF-8, 0 if the character is not complete yet. Returns what is in out. C1
 * controls are shown byte by byte: a terminal may take them as escape sequences. */
static size_t show_character(char out[SHOWN_MAX], const char *bytes, size_t nbytes,
                             size_t *out_taken)
{
    uint8_t byte = (uint8_t)bytes[0];
    int length = utf8_length(bytes, nbytes);

    *out_taken = length == UTF8_INCOMPLETE ? 0 : length == UTF8_INVALID ? 1 : (size_t)length;
    if (length == UTF8_INCOMPLETE)
        return 0;
    if (length == UTF8_INVALID)
        return show_byte(out, byte);
    if (byte < ' ' || byte == 0x7f) {
        out[0] = '^';
        out[1] = (char)(byte ^ 0x40);
        return 2;
    }
    if (length == 2 && byte == 0xc2 && (uint8_t)bytes[1] < 0xa0)
        return show_byte(out, byte) + show_byte(out + 4, (uint8_t)bytes[1]);
    memcpy(out, bytes, (size_t)length);
    return (size_t)length;
}

/* ---- what a program prints ---- */

void ktap_filter_init(struct ktap_filter *filter,
                      void (*emit)(void *context, const char *bytes, size_t nbytes), void *context)
{
    *filter = (struct ktap_filter){.emit = emit, .context = context};
}

/* The prefix comes with the first byte of a line, not with the end of the one before: a program
 * that prints nothing leaves no empty line. */
static void emit_in_line(struct ktap_filter *filter, const char *bytes, size_t nbytes)
{
    if (!filter->in_line)
        filter->emit(filter->context, "#: ", 3);
    filter->in_line = true;
    filter->emit(filter->context, bytes, nbytes);
}

static void filter_end_line(struct ktap_filter *filter)
{
    emit_in_line(filter, "\n", 1);
    filter->in_line = false;
}

/* At most four bytes: moving them is cheaper than a ring. */
static void drop_pending(struct ktap_filter *filter, size_t nbytes)
{
    filter->npending = (uint8_t)(filter->npending - nbytes);
    memmove(filter->pending, filter->pending + nbytes, filter->npending);
}

/* Emits the characters in `pending` until an incomplete one is left; `all`: that one as well, byte
 * by byte. */
static void flush_pending(struct ktap_filter *filter, bool all)
{
    while (filter->npending > 0) {
        char shown[SHOWN_MAX];
        size_t taken;
        size_t nshown = show_character(shown, filter->pending, filter->npending, &taken);

        if (taken == 0) {
            if (!all)
                return;
            nshown = show_byte(shown, (uint8_t)filter->pending[0]);
            taken = 1;
        }
        if (filter->pending[0] == '\n')
            filter_end_line(filter);
        else if (filter->pending[0] == '\t')
            emit_in_line(filter, "\t", 1);
        else
            emit_in_line(filter, shown, nshown);
        drop_pending(filter, taken);
    }
}

/* How many bytes from the start are shown as they are. */
static size_t plain_length(const char *bytes, size_t nbytes)
{
    size_t n = 0;

    while (n < nbytes && ((bytes[n] >= ' ' && bytes[n] < 0x7f) || bytes[n] == '\t'))
        n++;
    return n;
}

/* A test's output is cut at KTAP_OUTPUT_MAX and the rest counted, so that one program cannot make
 * the report endless. A tab passes; every other control character goes the slow way through
 * `pending`. */
void ktap_filter_write(struct ktap_filter *filter, const void *bytes, size_t nbytes)
{
    const char *at = bytes;
    size_t left = MIN(nbytes, KTAP_OUTPUT_MAX - filter->taken);

    filter->taken += left;
    filter->dropped += nbytes - left;
    while (left > 0) {
        size_t n = filter->npending ? 0 : plain_length(at, left);

        if (n > 0 && n < left && at[n] == '\n') { /* the common case: a whole line at once */
            n++;
            emit_in_line(filter, at, n);
            filter->in_line = false;
        } else if (n > 0) {
            emit_in_line(filter, at, n);
        } else {
            filter->pending[filter->npending++] = *at;
            flush_pending(filter, false);
            n = 1;
        }
        at += n;
        left -= n;
    }
}

/* Every program's output ends with a newline in the report, whether it printed one or not. */
void ktap_filter_finish(struct ktap_filter *filter)
{
    flush_pending(filter, true);
    if (filter->in_line)
        filter_end_line(filter);
}

/* ---- what the harness says ---- */

/* `#` would begin a directive and a quote would end the firmware's name: each has a stand-in. Cut
 * at a whole character, so that the line stays UTF-8. */
size_t ktap_clean(char *buf, size_t size, const char *text, size_t length)
{
    size_t used = 0;

    while (length > 0) {
        char shown[SHOWN_MAX];
        size_t taken;
        size_t nshown = show_character(shown, text, length, &taken);

        if (taken == 0) { /* the text ends within a character */
            nshown = show_byte(shown, (uint8_t)text[0]);
            taken = 1;
        }
        if (text[0] == '#')
            shown[0] = '+';
        else if (text[0] == '"')
            shown[0] = '\'';
        if (nshown >= size - used)
            break;
        memcpy(buf + used, shown, nshown);
        used += nshown;
        text += taken;
        length -= taken;
    }
    buf[used] = '\0';
    return used;
}

/* A line that was cut gets its newline back, at the end of a whole character. Continuation bytes
 * are 10xxxxxx: going back over them finds where the character began. */
static size_t close_line(char *buf, size_t size, size_t length)
{
    if (length < size)
        return length;
    length = size - 2;
    while (length > 0 && ((uint8_t)buf[length] & 0xc0) == 0x80)
        length--;
    buf[length] = '\n';
    buf[length + 1] = '\0';
    return length + 1;
}

/* The number of tests comes first, so that a report that ends early is seen to be incomplete. */
size_t ktap_format_plan(char *buf, size_t size, unsigned total)
{
    return close_line(buf, size, fmt_print(buf, size, "KTAP version 1\n1..%u\n", total));
}

/* The line formats: shared with tools that read the report; a field is added at the end only. */
size_t ktap_format_ok(char *buf, size_t size, unsigned number, const char *name, uint64_t time_us)
{
    return close_line(buf, size,
                      fmt_print(buf, size, "ok %u %s # time=%lluus\n", number, name,
                                (unsigned long long)time_us));
}

size_t ktap_format_skip(char *buf, size_t size, unsigned number, const char *name,
                        const char *reason)
{
    char clean[REASON_MAX];

    ktap_clean(clean, sizeof(clean), reason, strlen(reason));
    return close_line(buf, size, fmt_print(buf, size, "ok %u %s # SKIP %s\n", number, name, clean));
}

size_t ktap_format_not_ok(char *buf, size_t size, unsigned number, const char *name,
                          uint64_t time_us, const char *reason)
{
    char clean[REASON_MAX];

    ktap_clean(clean, sizeof(clean), reason, strlen(reason));
    return close_line(buf, size,
                      fmt_print(buf, size, "not ok %u %s # time=%lluus %s\n", number, name,
                                (unsigned long long)time_us, clean));
}

/* A run in which nothing passed has proved nothing; numbers that do not add up mean a lost result.
 */
bool ktap_verdict_passed(const struct ktap_verdict *verdict)
{
    return verdict->plan_passed > 0 && verdict->failed == 0 &&
           (uint64_t)verdict->passed + verdict->skipped == verdict->total;
}

size_t ktap_format_verdict(char *buf, size_t size, const struct ktap_verdict *verdict)
{
    char version[FIRMWARE_MAX], firmware[FIRMWARE_MAX];

    ktap_clean(version, sizeof(version), verdict->version, strlen(verdict->version));
    ktap_clean(firmware, sizeof(firmware), verdict->firmware, strlen(verdict->firmware));
    return close_line(
        buf, size,
        fmt_print(buf, size,
                  "# firstlight: verdict=%s total=%u passed=%u failed=%u skipped=%u version=%s "
                  "cpus=%u/%u memory=%lluMiB firmware=\"%s\" time=%lluus\n",
                  ktap_verdict_passed(verdict) ? "PASS" : "FAIL", verdict->total, verdict->passed,
                  verdict->failed, verdict->skipped, version, verdict->cpus, verdict->cpus_enabled,
                  (unsigned long long)(verdict->memory_bytes >> 20), firmware,
                  (unsigned long long)verdict->time_us));
}
