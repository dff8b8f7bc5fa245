/* SPDX-License-Identifier: MIT */
#include "kernel/selftest/shell.h"

#include "kernel/core/cmdline.h"
#include "kernel/core/output.h"
#include "kernel/dev/tty_serial.h"
#include "kernel/fs/open.h"
#include "kernel/lib/cfg.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/klog.h"
#include "kernel/lib/string.h"
#include "kernel/proc/usermode.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

/* In the order of preference. The leading dash makes a login shell, which reads /etc/profile. */
static const struct {
    const char *path, *name;
} shells[] = {{"/bin/bash", "-bash"}, {"/bin/sh", "-sh"}};

/* The number that *text begins with, behind a comma; *text goes on behind it. */
static uint16_t number_next(const char **text)
{
    unsigned number = 0;

    if (**text == ',')
        ++*text;
    while (**text >= '0' && **text <= '9' && number < 1000)
        number = number * 10 + (unsigned)(*(*text)++ - '0');
    return (uint16_t)number;
}

/* The terminal that the person has: term=NAME[,ROWS,COLUMNS] of the command line. */
static const char *term_word(void)
{
    static char word[CFG_WORD_MAX + 8];
    char name[CFG_WORD_MAX + 1];
    const char *rest = name;
    uint16_t rows;

    if (!cmdline_find("term", name, sizeof(name)))
        str_copy(name, sizeof(name), "vt100");
    while (*rest && *rest != ',')
        rest++;
    fmt_print(word, sizeof(word), "TERM=%.*s", (int)(rest - name), name);
    rows = number_next(&rest);
    tty_serial_set_size(rows, number_next(&rest));
    return word;
}

/* Ends with the shell, or with a reason why there is none. */
static int shell_try(unsigned i, struct file *terminal, struct wait_status *status)
{
    const char *argv[] = {shells[i].name, NULL};
    const char *envp[] = {"PATH=/bin:/sbin:/usr/bin:/usr/sbin",
                          "HOME=/",
                          "PS1=firstlight:\\w# ",
                          "USER=root",
                          term_word(),
                          NULL};
    struct exec_request request = {
        .path = shells[i].path,
        .argv = argv,
        .envp = envp,
        .stdio = {terminal, terminal, terminal},
        .has_terminal = true,
    };

    return usermode_run(&request, status);
}

static int terminal_open(struct file **out_file)
{
    struct fs_context *context;
    int err = tty_serial_use();

    if (err)
        return err;
    err = fs_context_create(&context);
    if (err)
        return err;
    err = fs_open_path(context, "/dev/ttyS0", LX_O_RDWR | LX_O_NOCTTY, 0, out_file);
    fs_context_destroy(context);
    return err;
}

void shell_run(void)
{
    struct wait_status status = {0};
    struct file *terminal;
    int err = terminal_open(&terminal);

    if (err) {
        klog("shell: no terminal (error %d)", -err);
        return;
    }
    klog("shell: on the serial line; leaving it switches the machine off");
    output_flush();
    err = -ENOENT;
    for (unsigned i = 0; i < ARRAY_SIZE(shells) && err == -ENOENT; i++)
        err = shell_try(i, terminal, &status);
    tty_serial_drain();
    file_put(terminal);
    if (err)
        klog("shell: none could be started (error %d)", -err);
    else if (status.end == PROCESS_EXITED)
        klog("shell: ended with status %d", status.code);
    else
        klog("shell: ended by signal %d", status.code);
}
