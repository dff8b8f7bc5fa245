/* SPDX-License-Identifier: MIT */
/* A static glibc program: stdio, locale, malloc, TLS, qsort, floating point, environment. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <malloc.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

static _Thread_local int per_thread = 42;
static _Thread_local char per_thread_zero[5000];

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: %s: does not hold (errno %d)\n", __FILE__, __LINE__, #cond,    \
                    errno);                                                                        \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static void check_stdio(void)
{
    char line[100];
    FILE *f = fopen("/tmp/glibc", "w+");
    int n = 0;
    double d = 0;

    CHECK(f != NULL);
    CHECK(fprintf(f, "%d %s %.3f %08x\n", -17, "text", 2.5, 0xabcu) > 0);
    for (int i = 0; i < 5000; i++)
        CHECK(fprintf(f, "line %d\n", i) > 0);
    rewind(f);
    CHECK(fscanf(f, "%d %99s %lf", &n, line, &d) == 3);
    CHECK(n == -17 && strcmp(line, "text") == 0 && d == 2.5);
    CHECK(fgets(line, sizeof(line), f) != NULL && strcmp(line, " 00000abc\n") == 0);
    for (int i = 0; i < 5000; i++) {
        CHECK(fgets(line, sizeof(line), f) != NULL);
        CHECK(atoi(line + 5) == i);
    }
    CHECK(fgets(line, sizeof(line), f) == NULL && feof(f));
    CHECK(fclose(f) == 0);
    CHECK(remove("/tmp/glibc") == 0);
}

/* Sizes from a byte to what malloc takes from mmap. */
static void check_malloc(void)
{
    enum { N = 200 };
    unsigned char *p[N];

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < N; i++) {
            size_t size = (size_t)(i * i * 7 + 1);
            p[i] = malloc(size);
            CHECK(p[i] != NULL && (uintptr_t)p[i] % 16 == 0);
            memset(p[i], i, size);
        }
        for (int i = 0; i < N; i += 2) {
            p[i] = realloc(p[i], (size_t)(i * i * 9 + 50));
            CHECK(p[i] != NULL && p[i][0] == i && p[i][i * i * 7] == i);
        }
        for (int i = N - 1; i >= 0; i--)
            free(p[i]);
    }
    char *zeros = calloc(1000, 300);
    CHECK(zeros != NULL);
    for (int i = 0; i < 300000; i++)
        CHECK(zeros[i] == 0);
    free(zeros);
    malloc_trim(0);
}

static int compare(const void *a, const void *b)
{
    const int *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void check_library(void)
{
    int numbers[1000];
    struct tm tm = {.tm_year = 124, .tm_mon = 1, .tm_mday = 29};
    char text[64];

    srand(1);
    for (int i = 0; i < 1000; i++)
        numbers[i] = rand();
    qsort(numbers, 1000, sizeof(int), compare);
    for (int i = 1; i < 1000; i++)
        CHECK(numbers[i - 1] <= numbers[i]);
    volatile double two = 2.0;
    CHECK(fabs(sqrt(two) * sqrt(two) - 2.0) < 1e-15);
    CHECK(fabs(sin(two) - 0.9092974268256817) < 1e-15);
    CHECK(strftime(text, sizeof(text), "%Y-%m-%d", &tm) == 10 && strcmp(text, "2024-02-29") == 0);
    CHECK(strtol("0x7f", NULL, 0) == 127);
    CHECK(getenv("HOME") != NULL && strcmp(getenv("HOME"), "/") == 0);
    CHECK(setenv("NEW", "value", 1) == 0 && strcmp(getenv("NEW"), "value") == 0);
}

static void check_locale(void)
{
    wchar_t wide[10];

    CHECK(setlocale(LC_ALL, "C") != NULL);
    CHECK(setlocale(LC_ALL, "xx_XX.nowhere") == NULL);
    CHECK(toupper('a') == 'A' && isalpha(0xe4) == 0);
    CHECK(mbstowcs(wide, "abc", 10) == 3 && wide[2] == L'c');
}

static void check_tls(void)
{
    CHECK(per_thread == 42);
    for (size_t i = 0; i < sizeof(per_thread_zero); i++)
        CHECK(per_thread_zero[i] == 0);
    per_thread = 1;
}

int main(int argc, char **argv)
{
    CHECK(argc == 3 && strcmp(argv[1], "one") == 0 && strcmp(argv[2], "") == 0);
    check_tls();
    check_stdio();
    check_malloc();
    check_library();
    check_locale();
    printf("glibc: all is well\n");
    return 0;
}
