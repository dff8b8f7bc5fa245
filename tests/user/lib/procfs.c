/* SPDX-License-Identifier: MIT */
#include "tests/user/lib/procfs.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

long text_read(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t used = 0;
    ssize_t got;

    if (fd < 0)
        return -errno;
    while ((got = read(fd, text + used, size - 1 - used)) > 0)
        used += (size_t)got;
    if (got < 0) {
        got = -errno;
        close(fd);
        return got;
    }
    close(fd);
    CHECK(used < size - 1);
    text[used] = '\0';
    return (long)used;
}

size_t text_of(const char *path, char *text, size_t size)
{
    long got = text_read(path, text, size);

    if (got < 0) {
        say(2, path);
        say(2, ": cannot be read\n");
    }
    CHECK(got >= 0);
    return (size_t)got;
}

const char *proc_path(int pid, const char *name)
{
    static char paths[8][64];
    static unsigned next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof(paths[0]), "/proc/%d/%s", pid, name);
    return path;
}

const char *line_value(const char *text, const char *name)
{
    size_t len = strlen(name);

    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (!strncmp(line, name, len)) {
            line += len;
            return line + strspn(line, " \t");
        }
    }
    return NULL;
}

unsigned long line_number(const char *text, const char *name)
{
    const char *value = line_value(text, name);
    char *end;
    unsigned long number;

    if (!value) {
        say(2, name);
        say(2, " is missing\n");
    }
    CHECK(value);
    number = strtoul(value, &end, 10);
    CHECK(end > value);
    return number;
}

bool line_is(const char *text, const char *name, const char *value)
{
    const char *found = line_value(text, name);

    if (!found || strncmp(found, value, strlen(value)) != 0)
        return false;
    found += strlen(value);
    return *found == '\n' || *found == ' ' || *found == '\t' || !*found;
}

static const char *stat_word(const char *text, int n)
{
    const char *at = strrchr(text, ')');

    CHECK(at);
    at++;
    for (int i = 0; i < n; i++) {
        at = strchr(at, ' ');
        CHECK(at);
        at++;
    }
    return at;
}

long stat_field(const char *text, int n)
{
    return strtol(stat_word(text, n), NULL, 10);
}

char stat_state(const char *text)
{
    return *stat_word(text, 1);
}

void link_is(const char *path, const char *text)
{
    char found[4200];
    ssize_t got = readlink(path, found, sizeof(found) - 1);

    CHECK_OK(got);
    found[got] = '\0';
    if (strcmp(found, text) != 0) {
        say(2, path);
        say(2, " leads to ");
        say(2, found);
        say(2, "\n");
    }
    CHECK(!strcmp(found, text));
}
