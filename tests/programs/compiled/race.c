/* Two threads and a counter, with a lock ("clean") or without.
 * build race: -O1 -g -pthread
 * build race-tsan: -O1 -g -fsanitize=thread */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static long counter;
static int locked;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sem_t ready;

static void handler(int number)
{
    (void)number;
    sem_post(&ready);
}

static void *count(void *arg)
{
    for (int i = 0; i < 200; i++) {
        if (locked)
            pthread_mutex_lock(&lock);
        counter++;
        if (locked)
            pthread_mutex_unlock(&lock);
    }
    return arg;
}

int main(int argc, char **argv)
{
    pthread_t threads[8];
    int status;

    locked = argc > 1 && !strcmp(argv[1], "clean");
    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, count, NULL);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    if (locked)
        printf("%ld\n", counter);
    sem_init(&ready, 0, 0);
    signal(SIGUSR1, handler);
    pthread_kill(pthread_self(), SIGUSR1);
    sem_wait(&ready);
    if (fork() == 0)
        _exit(5);
    wait(&status);
    printf("child %d\n", WEXITSTATUS(status));
    return 0;
}
