/* SPDX-License-Identifier: MIT */
/*
 * tests/host/list_test.c - lib/list.h
 */
#include "tests/host/check.h"

#include "kernel/lib/list.h"

struct item {
    int value;
    struct list link;
};

/* The values in order, as digits of a number. */
static int digits(struct list *head)
{
    int number = 0;

    list_for_each (at, head)
        number = number * 10 + list_entry(at, struct item, link)->value;
    return number;
}

static void test_order(void **state)
{
    struct list head = LIST_INIT(head);
    struct item items[4] = {{.value = 1}, {.value = 2}, {.value = 3}, {.value = 4}};

    (void)state;
    assert_true(list_empty(&head));
    assert_null(list_pop_front(&head));
    list_push_back(&head, &items[1].link);
    list_push_back(&head, &items[2].link);
    list_push_front(&head, &items[0].link);
    assert_int_equal(digits(&head), 123);
    list_insert_after(&items[1].link, &items[3].link);
    assert_int_equal(digits(&head), 1243);
    assert_false(list_empty(&head));
}

static void test_removal(void **state)
{
    struct list head = LIST_INIT(head);
    struct item items[3] = {{.value = 1}, {.value = 2}, {.value = 3}};

    (void)state;
    for (int i = 0; i < 3; i++)
        list_push_back(&head, &items[i].link);
    list_remove(&items[1].link);
    assert_int_equal(digits(&head), 13);
    list_remove(&items[1].link); /* unlinked: no harm */
    assert_int_equal(digits(&head), 13);
    assert_ptr_equal(list_pop_front(&head), &items[0].link);
    assert_int_equal(digits(&head), 3);
    list_for_each_safe (at, &head)
        list_remove(at);
    assert_true(list_empty(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_removal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
