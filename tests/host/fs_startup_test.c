/* SPDX-License-Identifier: MIT */
/* Start-up without memory: whichever allocation fails, each file system and each set of devices
 * that start-up makes says so. Start-up ends there, so what it has taken is not looked for. */
#include "tests/host/fs_fake.h"

#include <sys/wait.h>
#include <unistd.h>

#include "kernel/dev/console.h"
#include "kernel/dev/mem.h"
#include "kernel/fs/devfs/devfs.h"
#include "kernel/fs/devfs/devpts.h"
#include "kernel/fs/procfs/procfs.h"
#include "kernel/syscall/handlers.h"

#define OK(call)        assert_int_equal((call), 0)
#define ALLOCATIONS_MAX 200

/* How a try ends: with the error, or as if nothing had failed. */
enum { REFUSED = 10, SILENT };

static struct task *task;

static int start(void **state)
{
    fake_start(state);
    task = fake_task_create();
    OK(sys_mkdir(task, user("/dev"), 0755));
    OK(sys_mkdir(task, user("/proc"), 0755));
    return 0;
}

static int end(void **state)
{
    (void)state;
    fake_task_destroy(task);
    return 0;
}

/* Each try is a process of its own: what start-up has made it makes once. */
static void without_memory(int (*make)(void))
{
    int status = -1;

    for (int n = 0; status; n++) {
        pid_t pid = fork();

        assert_true(pid >= 0 && n < ALLOCATIONS_MAX);
        if (pid == 0) {
            int err;

            fake_fail_allocation(n);
            err = make();
            if (!err)
                _exit(fake_allocation_failed() ? SILENT : 0);
            _exit(err == -ENOMEM || err == -ENOSPC ? REFUSED : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_not_equal(WEXITSTATUS(status), SILENT);
        assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == REFUSED);
    }
    OK(make());
}

static int device_register(void)
{
    static const struct file_ops no_ops;
    static struct char_device device = {
        .name = "new", .device = DEVICE(200, 0), .mode = 0600, .ops = &no_ops};

    return devfs_register(&device);
}

static int proc_mount(void)
{
    static const struct procfs_ops none;

    return procfs_mount(&none);
}

static void test_devfs(void **state)
{
    static const char *const names[] = {"/dev/fd", "/dev/stderr", "/dev/shm", "/dev/null"};
    struct lx_stat st;

    (void)state;
    OK(mem_devices_init());
    without_memory(devfs_mount);
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        OK(sys_lstat(task, user(names[i]), user(&st)));
    without_memory(device_register);
    without_memory(console_devices_init);
}

static void test_others(void **state)
{
    struct lx_stat st;

    (void)state;
    without_memory(devpts_mount);
    without_memory(proc_mount);
    OK(sys_stat(task, user("/dev/pts"), user(&st)));
    OK(sys_stat(task, user("/proc"), user(&st)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_devfs), cmocka_unit_test(test_others)};

    return cmocka_run_group_tests(tests, start, end);
}
