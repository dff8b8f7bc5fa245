/* SPDX-License-Identifier: MIT */
/*
 * Mounts against what else happens to the tree: a directory is never both removed and mounted on,
 * a mount point is not renamed or replaced, and an unmount that is refused hides nothing meanwhile.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/stress.h"

#define TOP "/tmp/stress_mount"

static int *running;
static int what; /* which of the attacks */

static bool goes_on(void)
{
    if (!stress_goes_on())
        __atomic_store_n(running, 0, __ATOMIC_SEQ_CST);
    return __atomic_load_n(running, __ATOMIC_SEQ_CST);
}

/* --- mount against rmdir and rename --- */

static void remove_place(void)
{
    if (rmdir("place"))
        CHECK(errno == EBUSY || errno == ENOENT);
}

static void rename_place(void)
{
    if (rename("place", "moved"))
        CHECK(errno == EBUSY || errno == ENOENT);
    else
        rmdir("moved");
}

static void replace_place(void)
{
    mkdir("other", 0700);
    if (rename("other", "place"))
        CHECK(errno == EBUSY || errno == ENOENT);
}

static void exchange_place(void)
{
    mkdir("other", 0700);
    if (syscall(SYS_renameat2, AT_FDCWD, "other", AT_FDCWD, "place", 2))
        CHECK(errno == EBUSY || errno == ENOENT);
}

static void attack_place(void *argument)
{
    static void (*const attacks[])(void) = {remove_place, rename_place, replace_place,
                                            exchange_place};

    (void)argument;
    do
        for (int i = 0; i < 20; i++)
            attacks[what]();
    while (goes_on());
}

/* What was mounted can be found and unmounted: by its name, or by the one that the directory got
 * between the walk to it and the mount. */
static void unmount_place(void)
{
    static const char *const names[] = {"place", "moved", "other"};
    int found = 0;

    for (int tries = 0; tries < 2 && !found; tries++)
        for (int i = 0; i < 3; i++)
            found += umount(names[i]) == 0;
    CHECK_EQ(found, 1);
}

static void mount_places(void)
{
    do
        for (int i = 0; i < 20; i++) {
            mkdir("place", 0700);
            if (mount("race", "place", "tmpfs", 0, "nr_inodes=5")) {
                CHECK_EQ(errno, ENOENT);
                continue;
            }
            unmount_place();
        }
    while (goes_on());
}

static void check_place(void)
{
    *running = 1;
    child_start(attack_place, NULL);
    mount_places();
    children_await(1);
    rmdir("place");
    rmdir("other");
    rmdir("moved");
}

/* --- an unmount that is refused --- */

static void unmount_busy(void *argument)
{
    (void)argument;
    do
        for (int i = 0; i < 20; i++)
            CHECK_ERR(umount("place"), EBUSY);
    while (goes_on());
}

static void check_not_hidden(void)
{
    struct stat status;
    int fd;

    *running = 1;
    CHECK_OK(mkdir("place", 0700));
    CHECK_OK(mount("race", "place", "tmpfs", 0, NULL));
    fd = (int)CHECK_OK(open("place/file", O_RDWR | O_CREAT, 0600));
    child_start(unmount_busy, NULL);
    do
        for (int i = 0; i < 20; i++)
            CHECK_OK(stat("place/file", &status));
    while (goes_on());
    children_await(1);
    CHECK_OK(close(fd));
    CHECK_OK(umount("place"));
    CHECK_OK(rmdir("place"));
}

int main(int argc, char **argv)
{
    running = shared_new(sizeof(*running));
    CHECK_OK(mkdir(TOP, 0700));
    CHECK_OK(chdir(TOP));
    stress_begin(argc, argv);
    check_not_hidden();
    for (what = 0; what < 4; what++) {
        stress_begin(argc, argv);
        check_place();
    }
    CHECK_OK(chdir("/"));
    CHECK_OK(rmdir(TOP));
    return 0;
}
