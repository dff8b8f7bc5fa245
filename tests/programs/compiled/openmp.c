/* OpenMP: loops, reductions, tasks, sections, locks, nested teams.
 * build openmp: -O2 -fopenmp */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

static long fib(int n)
{
    long a, b;
    if (n < 12)
        return n < 2 ? n : fib(n - 1) + fib(n - 2);
#pragma omp task shared(a)
    a = fib(n - 1);
#pragma omp task shared(b)
    b = fib(n - 2);
#pragma omp taskwait
    return a + b;
}

int main(void)
{
    enum { SIZE = 100000 };
    double *x = malloc(SIZE * sizeof *x);
    long sum = 0, critical = 0, atomic = 0, order = 0;
    int members = 0, inside = 0;
    omp_lock_t lock;

    omp_set_num_threads(4);
#pragma omp parallel for
    for (int i = 0; i < SIZE; i++)
        x[i] = i * 0.5;
#pragma omp parallel for reduction(+ : sum) schedule(dynamic, 1000)
    for (int i = 0; i < SIZE; i++)
        sum += (long)(x[i] * 2);
    printf("sum %ld\n", sum);
    omp_init_lock(&lock);
#pragma omp parallel
    {
#pragma omp single
        members = omp_get_num_threads();
        for (int i = 0; i < 500; i++) {
#pragma omp critical
            critical++;
#pragma omp atomic
            atomic++;
            omp_set_lock(&lock);
            order++;
            omp_unset_lock(&lock);
        }
#pragma omp barrier
    }
    printf("%d threads, %ld %ld %ld\n", members, critical, atomic, order);
#pragma omp parallel
#pragma omp single
    printf("fib %ld\n", fib(22));
    omp_set_max_active_levels(2);
#pragma omp parallel num_threads(3)
#pragma omp parallel num_threads(2)
#pragma omp atomic
    inside++;
    printf("nested %d\n", inside);
    int parts[3] = {0};
#pragma omp parallel sections
    {
#pragma omp section
        parts[0] = 1;
#pragma omp section
        parts[1] = 2;
#pragma omp section
        parts[2] = 3;
    }
    printf("sections %d, ordered", parts[0] + parts[1] + parts[2]);
#pragma omp parallel for ordered schedule(static, 1)
    for (int i = 0; i < 8; i++) {
#pragma omp ordered
        printf(" %d", i);
    }
    printf("\n");
    free(x);
    return 0;
}
