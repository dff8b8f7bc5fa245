/* Mistakes with memory, by name.
 * build memory: -O1 -g -pthread
 * build memory-asan: -O1 -g -fsanitize=address,undefined */
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *volatile kept;
static volatile int zero;

static void *allocate(void *arg)
{
    for (int i = 1; i < 300; i++) {
        char *p = malloc((size_t)i * 37);
        memset(p, i, (size_t)i * 37);
        free(p);
    }
    return arg;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "clean";
    char *p = malloc(10);
    char local[16] = "local";

    if (!strcmp(what, "clean")) {
        pthread_t threads[4];
        for (int i = 0; i < 4; i++)
            pthread_create(&threads[i], NULL, allocate, NULL);
        for (int i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);
        puts("clean");
    } else if (!strcmp(what, "overflow")) {
        p[10 + zero] = 1;
    } else if (!strcmp(what, "freed")) {
        free(p);
        return p[zero];
    } else if (!strcmp(what, "stack")) {
        local[16 + zero] = 1;
    } else if (!strcmp(what, "twice")) {
        free(p);
        kept = p;
        free(kept);
    } else if (!strcmp(what, "leak")) {
        kept = malloc(1234);
        kept = NULL;
    } else if (!strcmp(what, "undefined")) {
        printf("%d\n", INT_MAX + (zero + 1));
    } else if (!strcmp(what, "fault")) {
        return *(int *)(4096L + zero);
    }
    kept = local;
    free(p);
    return 0;
}
