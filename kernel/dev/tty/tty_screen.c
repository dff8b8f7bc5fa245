/* SPDX-License-Identifier: MIT */
/*
 * The terminal of the screen and the keyboard.
 *
 * Output stays in the terminal's ring until the printing thread fetches it (screen_take): that
 * thread alone draws, so log lines and the terminal's text need no lock between them. It is woken
 * under tty.lock, which printer_kick allows. Input comes from the thread of dev/input; what does
 * not fit into the line is lost, as a key is on Linux.
 */
#include "kernel/dev/tty/tty_screen.h"

#include "kernel/dev/console.h"
#include "kernel/dev/fb/fbterm.h"
#include "kernel/dev/input.h"
#include "kernel/dev/printer.h"
#include "kernel/dev/tty/tty.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/lib/assert.h"
#include "shared/linux/errno.h"

static struct tty terminal;

static void screen_start_locked(struct tty *tty)
{
    ASSERT(spin_is_held(&tty->lock));
    if (!tty->line.stopped && ring_used(&tty->line.out))
        printer_kick();
}

/* Nothing is at the other end that would wait. */
static void screen_changed(struct tty *tty)
{
    (void)tty;
}

static const struct tty_driver screen_driver = {
    .start_locked = screen_start_locked,
    .changed = screen_changed,
    .is_slow = true,
};

/* By the printing thread. Writers that wait for room are told as soon as there is some. */
static size_t screen_take(char *bytes, size_t nbytes)
{
    uint64_t flags = spin_lock_irqsave(&terminal.lock);
    size_t taken = tty_output_take_locked(&terminal, bytes, nbytes);

    spin_unlock_irqrestore(&terminal.lock, flags);
    if (taken)
        tty_output_taken(&terminal);
    return taken;
}

static void keys_read(const char *text, size_t nbytes)
{
    tty_input(&terminal, text, nbytes);
}

/* /dev/console never becomes a controlling terminal, as on Linux. */
static int screen_open(struct file *file)
{
    if (file->inode->device == CONSOLE_DEVICE)
        file->access |= FILE_NOCTTY;
    tty_get(&terminal);
    return tty_file_open(file, &terminal);
}

bool tty_screen_possible(void)
{
    return fbterm_present() && input_present();
}

int tty_screen_use(void)
{
    struct lx_winsize size = {0};
    unsigned columns, lines;
    int err;

    if (!tty_screen_possible())
        return -ENODEV;
    err = tty_init(&terminal, &screen_driver, TTY_SCREEN_DEVICE);
    if (err)
        return err;
    fbterm_size(&columns, &lines);
    size.ws_row = (uint16_t)lines;
    size.ws_col = (uint16_t)columns;
    tty_set_size(&terminal, &size);
    printer_set_screen(screen_take);
    input_set_reader(keys_read);
    console_set_terminal(TTY_SCREEN_DEVICE, screen_open);
    console_set_terminal(CONSOLE_DEVICE, screen_open);
    return 0;
}
