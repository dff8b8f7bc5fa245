/* SPDX-License-Identifier: MIT */
/*
 * A shell after the plan (after=shell), on the screen or on the serial line.
 *
 * The shell is run like a test, by boot return, but with the terminal as its standard files and as
 * its controlling terminal, without a limit and without a leak check. When it has ended, the
 * terminal is drained before the machine is switched off, so that its last output is not lost.
 */
#include "kernel/selftest/shell.h"

#include "kernel/core/cmdline.h"
#include "kernel/core/output.h"
#include "kernel/dev/tty/tty_screen.h"
#include "kernel/dev/tty/tty_serial.h"
#include "kernel/fs/vfs/open.h"
#include "kernel/lib/cfg.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/klog.h"
#include "kernel/lib/string.h"
#include "kernel/plat/power.h"
#include "kernel/proc/usermode.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

/* In the order of preference. The leading dash makes a login shell, which reads /etc/profile. */
static const struct {
    const char *path, *name;
} shells[] = {{"/bin/bash", "-bash"}, {"/bin/sh", "-sh"}};

/* The number that *text begins with, behind a comma; *text goes on behind it. 0 when there is none:
 * the size of the terminal is then unknown. */
static uint16_t number_next(const char **text)
{
    unsigned number = 0;

    if (**text == ',')
        ++*text;
    while (**text >= '0' && **text <= '9' && number < 1000)
        number = number * 10 + (unsigned)(*(*text)++ - '0');
    return (uint16_t)number;
}

/* console= says where. Otherwise a person is at the screen, if it has a keyboard; a harness (the
 * debug-exit device) is on the serial line. */
static bool on_screen(void)
{
    char name[8];

    if (!tty_screen_possible())
        return false;
    if (cmdline_find("console", name, sizeof(name)))
        return !strcmp(name, "tty1");
    return !power_debug_exit_present();
}

/* The terminal that the person has at the serial line: term=NAME[,ROWS,COLUMNS] of the command
 * line. */
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

/* Returns when the shell has ended, or with the error that kept it from starting.
 * It runs like a test, by boot return, with the terminal as its three standard files and as its
 * controlling terminal; there is no limit and no leak check. */
static int shell_try(unsigned i, struct file *terminal, const char *term,
                     struct wait_status *status)
{
    const char *argv[] = {shells[i].name, NULL};
    const char *envp[] = {"PATH=/bin:/sbin:/usr/bin:/usr/sbin",
                          "HOME=/",
                          "PS1=firstlight:\\w# ",
                          "USER=root",
                          term,
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

/* From here on the port is a terminal: what the kernel logs goes through the same queue. NOCTTY:
 * the controlling terminal is set by boot return, for the shell's session. */
static int terminal_open(bool screen, struct file **out_file)
{
    uint64_t device = screen ? TTY_SCREEN_DEVICE : TTY_SERIAL_DEVICE;
    struct fs_context *context;
    int err = screen ? tty_screen_use() : tty_serial_use();

    if (err)
        return err;
    err = fs_context_create(&context);
    if (err)
        return err;
    err = fs_open_device(context, device, LX_O_RDWR | LX_O_NOCTTY, out_file);
    fs_context_destroy(context);
    return err;
}

COLD void shell_run(void)
{
    bool screen = on_screen();
    const char *term = screen ? "TERM=linux" : term_word();
    struct wait_status status = {0};
    struct file *terminal;
    int err = terminal_open(screen, &terminal);

    if (err) {
        klog("shell: no terminal (error %d)", -err);
        return;
    }
    klog("shell: on the %s; leaving it switches the machine off",
         screen ? "screen" : "serial line");
    output_flush();
    err = -ENOENT;
    /* The next one is tried only if the file is not there. */
    for (unsigned i = 0; i < ARRAY_SIZE(shells) && err == -ENOENT; i++)
        err = shell_try(i, terminal, term, &status);
    if (!screen)
        tty_serial_drain();
    file_put(terminal);
    if (err)
        klog("shell: none could be started (error %d)", -err);
    else if (status.end == PROCESS_EXITED)
        klog("shell: ended with status %d", status.code);
    else
        klog("shell: ended by signal %d", status.code);
}
