/* SPDX-License-Identifier: MIT */
/*
 * Threads of a process: made, joined, with memory, descriptors and directories in common and a
 * number, a name and thread-local data of their own; how the process ends.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define MANY  64
#define ADDS  2000
#define STACK 65536

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int counter, tids[MANY];
static __thread int own = 17;

static void *add(void *argument)
{
    int index = (int)(long)argument;

    CHECK_EQ(own, 17);
    own = index;
    CHECK_EQ(getpid(), (pid_t)raw0(SYS_getpid));
    tids[index] = gettid();
    for (int i = 0; i < ADDS; i++) {
        pthread_mutex_lock(&mutex);
        counter++;
        pthread_mutex_unlock(&mutex);
    }
    CHECK_EQ(own, index);
    return argument;
}

static void many_are_joined(void)
{
    pthread_t threads[MANY];
    void *result;

    counter = 0;
    for (long i = 0; i < MANY; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, add, (void *)i), 0);
    for (long i = 0; i < MANY; i++) {
        CHECK_EQ(pthread_join(threads[i], &result), 0);
        CHECK_EQ((long)result, i);
        CHECK(tids[i] != getpid());
    }
    CHECK_EQ(counter, MANY * ADDS);
}

static void *answer(void *argument)
{
    (void)argument;
    pthread_mutex_lock(&mutex);
    for (int i = 0; i < 500; i++) {
        while (counter % 2 == 0)
            pthread_cond_wait(&cond, &mutex);
        counter++;
        pthread_cond_signal(&cond);
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void conditions_wake(void)
{
    pthread_t thread;

    counter = 0;
    CHECK_EQ(pthread_create(&thread, NULL, answer, NULL), 0);
    pthread_mutex_lock(&mutex);
    for (int i = 0; i < 500; i++) {
        counter++;
        pthread_cond_signal(&cond);
        while (counter % 2 == 1)
            pthread_cond_wait(&cond, &mutex);
    }
    pthread_mutex_unlock(&mutex);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(counter, 1000);
}

static void *wait_for_ever(void *argument)
{
    (void)argument;
    for (;;)
        pause();
    return NULL;
}

static void cancellation_ends_one(void)
{
    pthread_t thread;
    void *result;

    CHECK_EQ(pthread_create(&thread, NULL, wait_for_ever, NULL), 0);
    CHECK_EQ(pthread_cancel(thread), 0);
    CHECK_EQ(pthread_join(thread, &result), 0);
    CHECK(result == PTHREAD_CANCELED);
}

static void *change_common(void *argument)
{
    (void)argument;
    CHECK_OK(chdir("/dev"));
    CHECK_OK(prctl(PR_SET_NAME, "other"));
    return (void *)CHECK_OK(open("null", O_RDONLY));
}

static void files_and_directories_are_shared(void)
{
    char name[16], cwd[64];
    pthread_t thread;
    void *fd;

    CHECK_OK(prctl(PR_SET_NAME, "first"));
    CHECK_EQ(pthread_create(&thread, NULL, change_common, NULL), 0);
    CHECK_EQ(pthread_join(thread, &fd), 0);
    CHECK_OK(close((int)(long)fd));
    CHECK(getcwd(cwd, sizeof(cwd)) != NULL && strcmp(cwd, "/dev") == 0);
    CHECK_OK(prctl(PR_GET_NAME, name));
    CHECK_EQ(strcmp(name, "first"), 0);
}

static void *burn(void *argument)
{
    struct timespec own_time, all_time;
    struct rusage usage;

    do {
        CHECK_OK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &own_time));
    } while (own_time.tv_nsec < 30000000 && !own_time.tv_sec);
    CHECK_OK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &all_time));
    CHECK(all_time.tv_sec * 1000000000L + all_time.tv_nsec >=
          own_time.tv_sec * 1000000000L + own_time.tv_nsec);
    CHECK_OK(getrusage(RUSAGE_THREAD, &usage));
    CHECK(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec < 1000000);
    return argument;
}

static void time_is_each_threads_own(void)
{
    struct timespec own_time, all_time;
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, burn, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_OK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &own_time));
    CHECK_OK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &all_time));
    CHECK(all_time.tv_sec * 1000000000L + all_time.tv_nsec -
              (own_time.tv_sec * 1000000000L + own_time.tv_nsec) >=
          30000000);
}

/* --- ends --- */

static pthread_t leader;

static void *outlive_and_exit_3(void *argument)
{
    CHECK_EQ(pthread_join(leader, NULL), 0);
    usleep(20000);
    exit(3);
    return argument;
}

static void leader_goes_first(void)
{
    pthread_t thread;

    leader = pthread_self();
    CHECK_EQ(pthread_create(&thread, NULL, outlive_and_exit_3, NULL), 0);
    pthread_exit(NULL);
}

static void *outlive(void *argument)
{
    usleep(20000);
    raw1(SYS_exit, 6);
    return argument;
}

/* None ends the process: the code is that of the last. */
static void all_go_one_by_one(void)
{
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, outlive, NULL), 0);
    raw1(SYS_exit, 5);
}

static void *exit_7(void *argument)
{
    _exit(7);
    return argument;
}

static void another_ends_all(void)
{
    pthread_t thread;

    for (int i = 0; i < 8; i++)
        CHECK_EQ(pthread_create(&thread, NULL, wait_for_ever, NULL), 0);
    CHECK_EQ(pthread_create(&thread, NULL, exit_7, NULL), 0);
    wait_for_ever(NULL);
}

static void *fault(void *argument)
{
    *(volatile int *)argument = 1;
    return NULL;
}

static void a_fault_ends_all(void)
{
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, wait_for_ever, NULL), 0);
    CHECK_EQ(pthread_create(&thread, NULL, fault, NULL), 0);
    wait_for_ever(NULL);
}

static void *make_more(void *argument)
{
    pthread_t thread;

    for (;;)
        if (pthread_create(&thread, NULL, outlive, NULL) == 0)
            pthread_detach(thread);
    return argument;
}

static void the_end_wins_over_new_threads(void)
{
    pthread_t thread;

    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_create(&thread, NULL, make_more, NULL), 0);
    usleep(5000);
    _exit(9);
}

/* --- exec and fork --- */

static char own_path[256];

static void *execute(void *argument)
{
    static char name[] = "thread_life", how[] = "executed";
    char *args[] = {name, how, argument, NULL};

    execv(own_path, args);
    return NULL;
}

static void number_text(char *text, long number)
{
    char digits[24];
    int i = 0, j = 0;

    do
        digits[i++] = (char)('0' + number % 10);
    while (number /= 10);
    while (i)
        text[j++] = digits[--i];
    text[j] = 0;
}

static void exec_by_another(void)
{
    static char pid[24];
    pthread_t thread;

    number_text(pid, getpid());
    for (int i = 0; i < 8; i++)
        CHECK_EQ(pthread_create(&thread, NULL, i < 7 ? wait_for_ever : make_more, NULL), 0);
    CHECK_EQ(pthread_create(&thread, NULL, execute, pid), 0);
    wait_for_ever(NULL);
}

static void exec_after_the_leader(void)
{
    static char pid[24];
    pthread_t thread;

    number_text(pid, getpid());
    CHECK_EQ(pthread_create(&thread, NULL, execute, pid), 0);
    pthread_exit(NULL);
}

static void two_execute(void)
{
    static char pid[24];
    pthread_t thread;

    number_text(pid, getpid());
    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&thread, NULL, execute, pid), 0);
    wait_for_ever(NULL);
}

/* The program of before had other threads; here there is one, with the process's number. */
static int executed(const char *pid)
{
    char text[24];

    number_text(text, getpid());
    CHECK_EQ(strcmp(text, pid), 0);
    CHECK_EQ(gettid(), getpid());
    return 11;
}

static void *fork_one(void *argument)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        CHECK_EQ(gettid(), getpid());
        _exit(4);
    }
    CHECK_EQ(WEXITSTATUS(child_end(pid)), 4);
    return argument;
}

static void fork_copies_one(void)
{
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, fork_one, NULL), 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

static void flags_go_together(void)
{
    CHECK_EQ(raw_call(SYS_clone, CLONE_THREAD, 0, 0, 0, 0, 0), -EINVAL);
    CHECK_EQ(raw_call(SYS_clone, CLONE_THREAD | CLONE_VM, 0, 0, 0, 0, 0), -EINVAL);
    CHECK_EQ(raw_call(SYS_clone, CLONE_THREAD | CLONE_SIGHAND, 0, 0, 0, 0, 0), -EINVAL);
    CHECK_EQ(raw_call(SYS_clone, CLONE_SIGHAND, 0, 0, 0, 0, 0), -EINVAL);
}

static void credentials_follow(void)
{
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, wait_for_ever, NULL), 0);
    CHECK_OK(setgid(getgid()));
    CHECK_OK(setuid(getuid()));
    pthread_cancel(thread);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return executed(argv[2]);
    /* Not when it is needed: a leader that has ended shows no program. */
    CHECK_OK(readlink("/proc/self/exe", own_path, sizeof(own_path) - 1));
    flags_go_together();
    many_are_joined();
    conditions_wake();
    cancellation_ends_one();
    files_and_directories_are_shared();
    time_is_each_threads_own();
    credentials_follow();
    fork_copies_one();
    CHECK_EQ(child_status(leader_goes_first), 3 << 8);
    CHECK_EQ(child_status(all_go_one_by_one), 6 << 8);
    CHECK_EQ(child_status(another_ends_all), 7 << 8);
    CHECK_EQ(child_status(a_fault_ends_all) & 0x7f, SIGSEGV);
    CHECK_EQ(child_status(exec_after_the_leader), 11 << 8);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(child_status(the_end_wins_over_new_threads), 9 << 8);
        CHECK_EQ(child_status(exec_by_another), 11 << 8);
        CHECK_EQ(child_status(two_execute), 11 << 8);
    }
    return 0;
}
