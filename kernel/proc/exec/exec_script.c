/* SPDX-License-Identifier: MIT */
/*
 * Scripts: execution by the interpreter that the first line names, "#! path [argument]".
 *
 * One step replaces the strings by those of the interpreter: path, the optional argument as one
 * word with its blanks, the script's path, and the old arguments from argv[1] on. The interpreter
 * may be a script itself; exec_load bounds the depth. Texts of all steps stay until the end, as
 * later argument lists point into them.
 */
#include "kernel/proc/exec/exec_script.h"

#include "kernel/fs/vfs/open.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

#define LINE_MAX  256 /* as Linux's BINPRM_BUF_SIZE */
#define TEXT_SIZE (2 * LINE_MAX)

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The interpreter and the rest of the line, without blanks at either end, as two strings in text
 * (the second may be empty). A line that does not end is fine as long as the path does. */
static int line_split(const char *head, size_t nbytes, char *text, char **argument)
{
    /* The line counts from behind "#!", and only as far as it was read. */
    size_t length = MIN(nbytes, (size_t)LINE_MAX) - 2;
    /* As on Linux (load_script): blanks before and behind are dropped, NUL ends the line. */
    const char *line = head + 2, *end = memchr(line, '\n', length);
    const char *path_end;

    if (!end)
        end = line + length;
    while (line < end && is_blank(*line))
        line++;
    while (end > line && (is_blank(end[-1]) || !end[-1]))
        end--;
    path_end = line;
    while (path_end < end && !is_blank(*path_end) && *path_end)
        path_end++;
    /* No path, or one that the buffer cuts off: running a shorter one by mistake would be worse. */
    if (path_end == line || (path_end == head + LINE_MAX))
        return -ENOEXEC;
    memcpy(text, line, (size_t)(path_end - line));
    text[path_end - line] = 0;
    while (path_end < end && is_blank(*path_end))
        path_end++;
    *argument = text + strlen(text) + 1;
    memcpy(*argument, path_end, (size_t)(end - path_end));
    (*argument)[end - path_end] = 0;
    return 0;
}

static size_t strings_count(const char *const *strings)
{
    size_t n = 0;

    while (strings[n])
        n++;
    return n;
}

/* The old argv[0] makes room for the script's path. */
static int arguments_make(struct exec_script *script, char *text, const char *argument)
{
    const char *const *old = script->strings.argv;
    size_t nold = strings_count(old), n = 0;
    const char **argv = kmalloc((nold + 4) * sizeof(*argv));

    if (!argv)
        return -ENOMEM;
    argv[n++] = text;
    /* execve(2): all that follows the path is a single argument. */
    if (*argument)
        argv[n++] = argument;
    argv[n++] = script->strings.path;
    for (size_t i = 1; i < nold; i++)
        argv[n++] = old[i];
    argv[n] = NULL;
    script->next_argv = argv;
    return 0;
}

int exec_script_step(struct exec_script *script, const char *head, size_t nbytes,
                     struct fs_context *context, struct file **out_file)
{
    char *text = kmalloc(sizeof(struct exec_script_text) + TEXT_SIZE);
    struct exec_script_text *owner = (struct exec_script_text *)text;
    char *argument;
    int err;

    if (!text)
        return -ENOMEM;
    /* In the list before anything can fail: exec_script_free frees it with the others. */
    owner->next = script->texts;
    script->texts = owner;
    text += sizeof(*owner);
    err = line_split(head, nbytes, text, &argument);
    /* A descriptor that is closed on exec (execveat, AT_EMPTY_PATH): the interpreter could not open
     * it. */
    if (!err && script->strings.hidden)
        err = -ENOENT;
    if (!err)
        err = fs_open_exec(context, text, out_file);
    if (err)
        return err;
    err = arguments_make(script, text, argument);
    if (err) {
        file_put(*out_file);
        *out_file = NULL;
        return err;
    }
    /* The array of the step before is not used any more; the first one is the caller's, not in
     * .argv. */
    kfree(script->argv);
    script->argv = script->next_argv;
    script->strings.argv = script->argv;
    script->strings.path = text;
    return 0;
}

void exec_script_free(struct exec_script *script)
{
    while (script->texts) {
        struct exec_script_text *owner = script->texts;

        script->texts = owner->next;
        kfree(owner);
    }
    kfree(script->argv);
}
