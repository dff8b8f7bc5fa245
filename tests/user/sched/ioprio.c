/* SPDX-License-Identifier: MIT */
/* What a thread says of its input, output and sleeps: ioprio_set, PR_SET_TIMERSLACK, timerslack_ns.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"
#include "tests/user/lib/procfs.h"

#define IOPRIO(class, level) ((class) << 13 | (level))
#define SLACK                50000 /* what all begin with */

static long ioprio_set(int which, int target, long value)
{
    return raw3(SYS_ioprio_set, which, target, value);
}

static long ioprio_get(int which, int target)
{
    return raw2(SYS_ioprio_get, which, target);
}

static void check_ioprio(void)
{
    CHECK_EQ(ioprio_set(1, 0, IOPRIO(2, 5)), 0);
    CHECK_EQ(ioprio_get(1, getpid()), IOPRIO(2, 5));
    CHECK_EQ(ioprio_set(1, 0, IOPRIO(3, 0)), 0);
    CHECK_EQ(ioprio_get(1, 0), IOPRIO(3, 0));
    CHECK_EQ(ioprio_get(2, 0), IOPRIO(3, 0));
    CHECK_EQ(ioprio_set(1, 0, 0), 0);
    CHECK_EQ(ioprio_get(1, 0), 0);
    CHECK_EQ(ioprio_get(2, 0), IOPRIO(2, 4)); /* of niceness 0 */
    CHECK_OK(setpriority(PRIO_PROCESS, 0, 10));
    CHECK_EQ(ioprio_get(2, 0), IOPRIO(2, 6));
    CHECK_EQ(ioprio_set(1, 0, 1), -EINVAL);
    CHECK_EQ(ioprio_set(1, 0, IOPRIO(4, 0)), -EINVAL);
    CHECK_EQ(ioprio_set(1, 0, -1), -EINVAL);
    CHECK_EQ(ioprio_set(0, 0, 0), -EINVAL);
    CHECK_EQ(ioprio_set(4, 0, 0), -EINVAL);
    CHECK_EQ(ioprio_get(0, 0), -EINVAL);
    CHECK_EQ(ioprio_get(4, 0), -EINVAL);
    CHECK_EQ(ioprio_get(1, 999999), -ESRCH);
    CHECK_EQ(ioprio_set(1, 999999, 0), -ESRCH);
    CHECK_EQ(ioprio_set(2, 0, IOPRIO(2, 7)), 0);
    CHECK_EQ(ioprio_get(2, 0), IOPRIO(2, 7));
}

static long slack_get(void)
{
    return raw1(SYS_prctl, PR_GET_TIMERSLACK);
}

static long file_write(const char *text)
{
    int fd = (int)CHECK_OK(open("/proc/self/timerslack_ns", O_WRONLY));
    long result = raw3(SYS_write, fd, text, strlen(text));

    close(fd);
    return result;
}

static void check_file(void)
{
    char text[64];

    text_of("/proc/self/timerslack_ns", text, sizeof(text));
    CHECK_EQ(strcmp(text, "77000\n"), 0);
    CHECK_EQ(file_write("1234\n"), 5);
    CHECK_EQ(slack_get(), 1234);
    CHECK_EQ(file_write("x"), -EINVAL);
    CHECK_EQ(file_write("99999999999999999999"), -ERANGE);
    CHECK_EQ(file_write("0"), 1);
    CHECK_EQ(slack_get(), SLACK);
}

static void check_slack(void)
{
    pid_t pid;

    CHECK_EQ(slack_get(), SLACK);
    CHECK_EQ(raw2(SYS_prctl, PR_SET_TIMERSLACK, 77000), 0);
    CHECK_EQ(slack_get(), 77000);
    pid = CHECK_OK(fork());
    if (pid == 0) { /* what it begins with is what it goes back to */
        CHECK_EQ(raw2(SYS_prctl, PR_SET_TIMERSLACK, 1), 0);
        CHECK_EQ(slack_get(), 1);
        CHECK_EQ(raw2(SYS_prctl, PR_SET_TIMERSLACK, 0), 0);
        CHECK_EQ(slack_get(), 77000);
        _exit(0);
    }
    CHECK_EQ(child_end(pid), 0);
    if (access("/proc/self/timerslack_ns", W_OK) == 0)
        check_file();
    CHECK_EQ(raw2(SYS_prctl, PR_SET_TIMERSLACK, 0), 0);
    CHECK_EQ(slack_get(), SLACK);
}

int main(void)
{
    if (setpgid(0, 0)) /* it has one already */
        CHECK_EQ(errno, EPERM);
    check_slack();
    check_ioprio();
    return 0;
}
