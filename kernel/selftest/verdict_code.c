/* SPDX-License-Identifier: MIT */
/*
 * The QR code is drawn by a program, with a library of Debian's, on /dev/fb0.
 *
 * It runs after the report: nothing that it does can change the verdict, it can draw in the code's
 * place alone (fb_device.c), and it has no descriptors, and a limit. What stands in the code is its
 * word: a test that runs as root may have put another program in its place. Its calls would be
 * lines behind the verdict where calls are traced: then there is none.
 */
#include "kernel/selftest/verdict_code.h"

#include "kernel/core/cmdline.h"
#include "kernel/dev/fb/screen.h"
#include "kernel/lib/fmt.h"
#include "kernel/proc/usermode.h"

#define PROGRAM    "/usr/lib/firstlight/verdict-code"
#define LIMIT_NS   5000000000ULL
#define PLACE_SIZE 40

void verdict_code_draw(const char *line, size_t nbytes)
{
    static char text[512];
    char place[PLACE_SIZE];
    const char *argv[] = {"verdict-code", place, text, NULL}, *envp[] = {NULL};
    struct exec_request request = {
        .path = PROGRAM, .argv = argv, .envp = envp, .limit_ns = LIMIT_NS};
    struct wait_status status;
    unsigned x, y, side;

    if (!screen_qr_place(&x, &y, &side) || cmdline_find("trace", text, sizeof(text)))
        return;
    fmt_print(place, sizeof(place), "%u,%u,%u", x, y, side);
    fmt_print(text, sizeof(text), "%.*s", (int)nbytes, line);
    if (usermode_run(&request, &status))
        return; /* it is not in this root file system, or there is no memory */
}
