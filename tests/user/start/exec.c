/* SPDX-License-Identifier: MIT */
/* One program becomes another: a chain of execs, and what goes along. Run without arguments. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define LINKS 100

static const char *self;

/* Lists of constant words; execve's type predates const. */
#define LIST(...) ((char *const *)(const char *const[]){__VA_ARGS__, NULL})
#define EMPTY     ((char *const *)(const char *const[]){NULL})

static int run(char *const argv[], char *const envp[])
{
    pid_t pid = (pid_t)CHECK_OK(fork());
    int status;

    if (pid == 0) {
        execve(argv[0], argv, envp);
        _exit(errno == ENOEXEC ? 126 : 127);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* "chain N": executes itself N more times, always as the same process. */
static int chain(int left, const char *pid_text)
{
    char number[4] = "";

    CHECK_EQ(getpid(), atoi(pid_text));
    if (!left)
        return 33;
    number[0] = (char)('0' + (left - 1) / 100);
    number[1] = (char)('0' + (left - 1) / 10 % 10);
    number[2] = (char)('0' + (left - 1) % 10);
    execve(self, LIST(self, "chain", number, pid_text), EMPTY);
    return 1;
}

static void chain_start(void)
{
    pid_t pid = (pid_t)CHECK_OK(fork());
    char text[16];
    int status, n = 0;

    if (pid == 0) {
        char digits[16];
        int id = getpid();

        for (; id; id /= 10)
            digits[n++] = (char)('0' + id % 10);
        for (int i = 0; i < n; i++)
            text[i] = digits[n - 1 - i];
        text[n] = 0;
        _exit(chain(LINKS, text));
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 33);
}

/* "inherit": what the new program finds. */
static int inherit(void)
{
    struct sigaction action;
    sigset_t mask;

    CHECK_EQ(fcntl(50, F_GETFD), 0);
    CHECK_ERR(fcntl(51, F_GETFD), EBADF);
    CHECK_OK(sigaction(SIGUSR1, NULL, &action));
    CHECK(action.sa_handler == SIG_IGN);
    CHECK_OK(sigaction(SIGUSR2, NULL, &action));
    CHECK(action.sa_handler == SIG_DFL);
    CHECK_OK(sigprocmask(SIG_SETMASK, NULL, &mask));
    CHECK(sigismember(&mask, SIGWINCH) == 1 && sigismember(&mask, SIGINT) == 0);
    CHECK(getenv("WORD") && strcmp(getenv("WORD"), "two words") == 0);
    return 44;
}

static void handler(int number)
{
    (void)number;
}

static void inheritance(void)
{
    sigset_t mask;

    CHECK_OK(dup2(0, 50));
    CHECK_OK(dup3(0, 51, O_CLOEXEC));
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, handler);
    sigemptyset(&mask);
    sigaddset(&mask, SIGWINCH);
    CHECK_OK(sigprocmask(SIG_SETMASK, &mask, NULL));
    CHECK_EQ(run(LIST(self, "inherit"), LIST("WORD=two words")), 44);
    sigemptyset(&mask);
    CHECK_OK(sigprocmask(SIG_SETMASK, &mask, NULL));
}

static void write_file(const char *path, const char *text, int mode)
{
    int fd = (int)CHECK_OK(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0700));

    CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
    CHECK_OK(close(fd));
    CHECK_OK(chmod(path, (mode_t)mode));
}

static void failures(void)
{
    char *const *argv = LIST("x"), *const *envp = EMPTY;

    CHECK_ERR(execve("/no/such/file", argv, envp), ENOENT);
    CHECK_ERR(execve("/", argv, envp), EACCES);
    CHECK_ERR(execve("/dev/null", argv, envp), EACCES);
    write_file("/tmp/exec-text", "no program\n", 0755);
    CHECK_ERR(execve("/tmp/exec-text", argv, envp), ENOEXEC);
    CHECK_OK(chmod("/tmp/exec-text", 0644));
    CHECK_ERR(execve("/tmp/exec-text", argv, envp), EACCES);
    CHECK_ERR(execve("/tmp/exec-text/x", argv, envp), ENOTDIR);
    CHECK_EQ(raw3(SYS_execve, 8, argv, envp), -EFAULT);
    CHECK_EQ(raw3(SYS_execve, self, 8, envp), -EFAULT);
    CHECK_EQ(raw3(SYS_execve, self, argv, 8), -EFAULT);
    CHECK_OK(unlink("/tmp/exec-text"));
}

/* "words A B C": a script's interpreter gets its argument, the script's path, the rest. */
static int words(int argc, char **argv)
{
    CHECK_EQ(argc, 5);
    CHECK(strcmp(argv[2], "/tmp/exec-script") == 0);
    CHECK(strcmp(argv[3], "one") == 0 && strcmp(argv[4], "two") == 0);
    return 55;
}

static void scripts(void)
{
    char line[PATH_MAX + 32] = "#! ";
    char *const *argv = LIST("/tmp/exec-script", "one", "two"), *const *envp = EMPTY;

    strcat(strcat(line, self), " words\nignored\n");
    write_file("/tmp/exec-script", line, 0755);
    CHECK_EQ(run(argv, envp), 55);
    write_file("/tmp/exec-script", "#!/tmp/exec-script\n", 0755);
    CHECK_ERR(execve("/tmp/exec-script", argv, envp), ELOOP);
    write_file("/tmp/exec-script", "#!/no/such/interpreter\n", 0755);
    CHECK_ERR(execve("/tmp/exec-script", argv, envp), ENOENT);
    write_file("/tmp/exec-script", "#!\n", 0755);
    CHECK_ERR(execve("/tmp/exec-script", argv, envp), ENOEXEC);
    CHECK_OK(unlink("/tmp/exec-script"));
}

int main(int argc, char **argv)
{
    static char path[PATH_MAX];

    self = argv[0][0] == '/' ? argv[0] : realpath(argv[0], path);
    if (argc == 4 && strcmp(argv[1], "chain") == 0)
        return chain(atoi(argv[2]), argv[3]);
    if (argc == 2 && strcmp(argv[1], "inherit") == 0)
        return inherit();
    if (argc > 2 && strcmp(argv[1], "words") == 0)
        return words(argc, argv);
    chain_start();
    inheritance();
    failures();
    scripts();
    return 0;
}
