/* SPDX-License-Identifier: MIT */
/*
 * Output of the running test, into the report.
 *
 * The program's standard output is an anonymous file that behaves as a pipe whose reader is always
 * there. Bytes go through one filter (lib/ktap.c), which prefixes each line, makes control
 * characters visible and bounds the total; /dev/console and /dev/kmsg end in the same filter, so
 * that lines never mix.
 */
#include "kernel/selftest/capture.h"

#include "kernel/core/output.h"
#include "kernel/dev/console.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/lib/ktap.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/waitq.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/stat.h"

#define PIECE_NBYTES 4096 /* as much as a pipe takes in one piece (PIPE_BUF) */

static struct mutex lock = MUTEX_INIT(MUTEX_PIPE);
static struct ktap_filter filter; /* [lock] */

static void capture_emit(void *context, const char *bytes, size_t nbytes)
{
    (void)context;
    output_program(bytes, nbytes, "#: ");
}

static void capture_take(const char *bytes, size_t nbytes)
{
    mutex_lock(&lock);
    ktap_filter_write(&filter, bytes, nbytes);
    mutex_unlock(&lock);
}

/* Copied in pieces, and not under the lock: a copy can fault and sleep. A fatal signal ends the
 * loop after a piece. */
static int64_t capture_write(struct file *file, struct user_iter *io, int64_t *offset)
{
    char piece[PIECE_NBYTES];
    int64_t done = 0;

    (void)file;
    (void)offset;
    while (io->left) {
        size_t wanted = MIN(io->left, sizeof(piece));
        size_t got = user_iter_get(io, piece, wanted);

        capture_take(piece, got);
        done += (int64_t)got;
        if (got < wanted)
            return done ? done : -EFAULT;
        sched_preempt_point();
        if (waitq_interrupted())
            break;
    }
    return done;
}

static void capture_console_write(struct console_sink *sink, const char *bytes, size_t nbytes)
{
    (void)sink;
    capture_take(bytes, nbytes);
}

int capture_begin(struct file **out_file)
{
    static const struct file_ops ops = {.write = capture_write, .anon_name = "pipe"};
    static struct console_sink sink = {.write = capture_console_write};
    int err = file_create_anon(&ops, NULL, LX_S_IFIFO | 0600, LX_O_WRONLY, NULL, out_file);

    if (err)
        return err;
    ktap_filter_init(&filter, capture_emit, NULL);
    console_set_sink(&sink);
    return 0;
}

/* Ends an unfinished line. */
uint64_t capture_end(void)
{
    ktap_filter_finish(&filter);
    console_set_sink(NULL);
    return filter.dropped;
}
