/* What gdb looks at: recursion, threads, a child, a signal, a variable that changes.
 * build debuggee: -O0 -g -pthread */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct point {
    int x, y;
    const char *name;
};

static volatile int watched, go_on;
static pthread_barrier_t barrier;
static double numbers[4] = {0.5, 1.5, 2.5, 3.5};

static int factorial(int n)
{
    if (n <= 1)
        return 1;
    return n * factorial(n - 1);
}

static void *worker(void *arg)
{
    int number = *(int *)arg;
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    watched += number;
    return NULL;
}

static void meeting(void)
{
    pthread_barrier_wait(&barrier);
}

static void threads(void)
{
    pthread_t all[3];
    int numbers_of[3] = {1, 2, 3};
    pthread_barrier_init(&barrier, NULL, 4);
    for (int i = 0; i < 3; i++)
        pthread_create(&all[i], NULL, worker, &numbers_of[i]);
    pthread_barrier_wait(&barrier);
    meeting();
    for (int i = 0; i < 3; i++)
        pthread_join(all[i], NULL);
}

static void handler(int number)
{
    watched = number;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "plain";
    struct point origin = {1, 2, "origin"};

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!strcmp(what, "threads")) {
        threads();
    } else if (!strcmp(what, "fork")) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(factorial(3));
        waitpid(pid, &watched, 0);
        watched = WEXITSTATUS(watched);
    } else if (!strcmp(what, "signal")) {
        signal(SIGUSR1, handler);
        raise(SIGUSR1);
    } else if (!strcmp(what, "crash")) {
        *(volatile int *)16 = origin.x;
    } else if (!strcmp(what, "loop")) {
        puts("loops");
        for (int i = 0; i < 6000 && !go_on; i++)
            usleep(10000);
    } else {
        for (int i = 0; i < 3; i++)
            watched += i;
        origin.x = factorial(5);
    }
    printf("%d %d %d %.1f\n", origin.x, origin.y, watched, numbers[2]);
    return 0;
}
