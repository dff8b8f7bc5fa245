/* SPDX-License-Identifier: MIT */
/*
 * KTAP lines to JUnit XML.
 *
 * The counts of the test suite are those of the verdict line: results that were cut off are missing
 * from the list of cases but not from the counts, and a line of output says how many. Without a
 * verdict, with one that is neither PASS nor FAIL, and with a FAIL in which no result failed (some
 * were lost), the suite has an error: whoever reads only the counts sees that it did not pass.
 */
#include "efi-loader/junit.h"

#include "kernel/lib/string.h"
#include "kernel/lib/utf8.h"

#define VERDICT_PREFIX "# firstlight: verdict="
#define PANIC_PREFIX   "# PANIC: "

struct junit_counts {
    unsigned total, failed, skipped, listed;
    bool has_verdict;
    const char *error; /* instead of a verdict, or behind one; NULL: there was none */
    size_t nerror;
};

/* XML 1.0, section 2.2: no control characters, escaped or not, nor U+FFFE and U+FFFF. What is well
 * formed has no surrogates. */
static bool is_character(const char *bytes, int length)
{
    if (length == 1)
        return (unsigned char)*bytes >= 0x20 && *bytes != 0x7f;
    return length > 1 && (length != 3 || memcmp(bytes, "\xef\xbf\xbe", 3) < 0 ||
                          memcmp(bytes, "\xef\xbf\xbf", 3) > 0);
}

/* One byte or one character. */
static size_t escape_one(struct text *out, const char *bytes, size_t nbytes)
{
    int length = utf8_length(bytes, nbytes);

    if (!is_character(bytes, length)) {
        text_add(out, "?");
        return length < 1 ? 1 : (size_t)length;
    }
    switch (*bytes) {
    case '<':
        text_add(out, "&lt;");
        break;
    case '>':
        text_add(out, "&gt;");
        break;
    case '&':
        text_add(out, "&amp;");
        break;
    case '"':
        text_add(out, "&quot;");
        break;
    default:
        text_add_bytes(out, bytes, (size_t)length);
    }
    return (size_t)length;
}

static void escape(struct text *out, const char *bytes, size_t nbytes)
{
    for (size_t i = 0; i < nbytes;)
        i += escape_one(out, bytes + i, nbytes - i);
}

/* NAME of "ok NUMBER NAME # NOTE", and what stands behind the mark. */
static void result_split(const char *line, size_t length, const char **name, size_t *nname,
                         const char **note)
{
    const char *end = line + length, *at = line;

    while (at < end && *at != ' ')
        at++;
    *name = at < end ? ++at : at;
    while (at < end && *at != ' ')
        at++;
    *nname = (size_t)(at - *name);
    *note = end - at >= 3 && memcmp(at, " # ", 3) == 0 ? at + 3 : end;
}

/* "time=1234us " at the start of a note: as seconds, and taken off the note. */
static void time_write(struct text *out, const char **note, const char *end)
{
    const char *at = *note;
    unsigned long long us = 0;

    if (!text_begins(at, (size_t)(end - at), "time="))
        return;
    for (at += 5; at < end && *at >= '0' && *at <= '9' && us < 1000000000000000ULL; at++)
        us = us * 10 + (unsigned)(*at - '0');
    text_add(out, " time=\"%llu.%06llu\"", us / 1000000, us % 1000000);
    while (at < end && *at != ' ')
        at++;
    *note = at < end ? at + 1 : at;
}

static void element_write(struct text *out, const char *element, const char *message,
                          const char *end)
{
    text_add(out, "><%s message=\"", element);
    escape(out, message, (size_t)(end - message));
    text_add(out, "\"/></testcase>\n");
}

/* line: behind "ok " or "not ok ". */
static void case_write(struct text *out, const char *line, size_t length, bool passed)
{
    const char *name, *note, *end = line + length;
    size_t nname;

    result_split(line, length, &name, &nname, &note);
    text_add(out, "<testcase classname=\"firstlight\" name=\"");
    escape(out, name, nname);
    text_add(out, "\"");
    time_write(out, &note, end);
    if (!passed)
        element_write(out, "failure", note, end);
    else if (text_begins(note, (size_t)(end - note), "SKIP "))
        element_write(out, "skipped", note + 5, end);
    else
        text_add(out, "/>\n");
}

/* Once over the text for the counts, as they stand in the first tag. */
static struct junit_counts count(const char *results, size_t length)
{
    const char *position = results, *line;
    struct junit_counts counts = {0};
    size_t n;

    while (text_next_line(&position, results + length, &line, &n)) {
        if (text_begins(line, n, "ok ") || text_begins(line, n, "not ok "))
            counts.listed++;
        if (text_begins(line, n, PANIC_PREFIX)) {
            counts.error = line + 2;
            counts.nerror = n - 2;
        }
        if (!text_begins(line, n, VERDICT_PREFIX "PASS") &&
            !text_begins(line, n, VERDICT_PREFIX "FAIL"))
            continue;
        counts.has_verdict = true;
        counts.total = text_number(line, n, "total");
        counts.failed = text_number(line, n, "failed");
        counts.skipped = text_number(line, n, "skipped");
        if (counts.failed || text_begins(line, n, VERDICT_PREFIX "PASS"))
            continue;
        counts.error = line + sizeof("# firstlight: ") - 1;
        counts.nerror = n - (sizeof("# firstlight: ") - 1);
    }
    return counts;
}

static void error_write(struct text *out, const struct junit_counts *counts)
{
    text_add(out, "<testcase classname=\"firstlight\" name=\"verdict\"");
    element_write(out, "error", counts->error, counts->error + counts->nerror);
}

void junit_write(struct text *out, const char *results, size_t length)
{
    static const char silence[] = "the kernel was started and gave no verdict";
    struct junit_counts counts = count(results, length);
    const char *position = results, *line;
    size_t n;

    if (!counts.has_verdict && !counts.error) {
        counts.error = silence;
        counts.nerror = sizeof(silence) - 1;
    }
    text_add(out,
             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"firstlight\" "
             "tests=\"%u\" failures=\"%u\" skipped=\"%u\" errors=\"%u\">\n",
             counts.has_verdict ? counts.total : counts.listed + 1, counts.failed, counts.skipped,
             counts.error ? 1 : 0);
    while (text_next_line(&position, results + length, &line, &n)) {
        if (text_begins(line, n, "ok "))
            case_write(out, line + 3, n - 3, true);
        else if (text_begins(line, n, "not ok "))
            case_write(out, line + 7, n - 7, false);
    }
    if (counts.error)
        error_write(out, &counts);
    if (counts.total > counts.listed)
        text_add(out, "<system-out>%u more results had no room</system-out>\n",
                 counts.total - counts.listed);
    text_add(out, "</testsuite>\n");
}
