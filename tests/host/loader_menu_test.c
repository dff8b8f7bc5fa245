/* SPDX-License-Identifier: MIT */
/* The keys before the start: what each of them changes, and that no key changes nothing. */
#include "tests/host/loader_fake.h"
#include "tests/host/loader_fake_keys.h"

#include <string.h>

#include "efi-loader/menu.h"

static char the_cmdline[256];
static struct menu the_menu;
static struct files the_files;
static struct memory the_memory;

static const EFI_LOADED_IMAGE *self(void)
{
    static EFI_LOADED_IMAGE image;

    image.DeviceHandle = fake_volume(0);
    return &image;
}

/* The menu with these words and keys. */
static void ask(const char *words, const char *keys)
{
    strcpy(the_cmdline, words);
    the_menu = (struct menu){.cmdline = the_cmdline, .capacity = sizeof(the_cmdline)};
    the_person.keys = keys;
    the_person.waited_ms = 0;
    the_fake.shown[0] = '\0';
    menu_ask(&the_menu, &the_files, &the_memory);
}

static int set_up(void **state)
{
    (void)state;
    fake_reset();
    the_person = (struct fake_person){.attended = true};
    the_fake.files[0] = (struct fake_file){.name = "plan.txt", .data = "", .size = 0};
    the_fake.files[1] = (struct fake_file){.name = "soak.plan", .data = "", .size = 0};
    the_fake.files[2] = (struct fake_file){.name = "QUICK.PLAN", .data = "", .size = 0};
    the_fake.files[3] = (struct fake_file){.name = "reports", .directory = true};
    the_fake.files[4] = (struct fake_file){.name = "reports\\0002.txt", .data = "two\n", .size = 4};
    the_fake.files[5] =
        (struct fake_file){.name = "reports\\0010.txt", .data = "ten\x1b\r\nend", .size = 9};
    the_fake.files[6] = (struct fake_file){.name = "reports\\0011.xml", .data = "xml", .size = 3};
    the_fake.files[7] = (struct fake_file){.name = "reports\\mine.txt", .data = "own", .size = 3};
    the_fake.files[8] =
        (struct fake_file){.name = "reports\\2026-notes.txt", .data = "own", .size = 3};
    the_fake.files[9] =
        (struct fake_file){.name = "reports\\2026.txt.txt", .data = "own", .size = 3};
    memory_init(&the_memory, &the_fake.bs);
    assert_int_equal(files_open(&the_files, &the_fake.bs, self()), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    files_close(&the_files);
    memory_give_back(&the_memory);
    assert_int_equal(the_fake.open_handles, 0);
    assert_int_equal(fake_blocks_in_use(), 0);
    return 0;
}

static void no_key_changes_nothing(void **state)
{
    (void)state;
    ask("a=1", "");
    assert_string_equal(the_cmdline, "a=1");
    assert_string_equal(the_menu.plan, "");
    assert_int_equal(the_person.waited_ms, 3000);
    assert_non_null(strstr(the_fake.shown, "Starting in 3 s"));
    assert_non_null(strstr(the_fake.shown, "Starting in 1 s"));
}

static void asked_only_where_someone_is(void **state)
{
    (void)state;
    ask("ask=0", "s");
    assert_string_equal(the_cmdline, "ask=0");
    assert_string_equal(the_fake.shown, "");
    the_person.attended = false;
    ask("", "s");
    assert_string_equal(the_cmdline, "");
    ask("ask=1", "s"); /* but where a word says so */
    assert_string_equal(the_cmdline, "ask=1 after=shell");
    ask("ask=5x", "");
    assert_int_equal(the_person.waited_ms, 5000);
}

static void the_watchdog_waits_too(void **state)
{
    (void)state;
    ask("", "r......s");
    assert_true(the_fake.watchdog_disarmed >= 2);
}

static void a_plan(void **state)
{
    (void)state;
    ask("", "p1\r");
    assert_string_equal(the_menu.plan, "QUICK.PLAN");
    ask("", "p2");
    assert_string_equal(the_menu.plan, "soak.plan");
    assert_null(strstr(the_fake.shown, "plan.txt"));
    ask("", "p3"); /* there are two */
    assert_string_equal(the_menu.plan, "");
    ask("", "p.");
    assert_string_equal(the_menu.plan, "");
    the_fake.files[1].name = NULL;
    ask("", "p1");
    assert_string_equal(the_menu.plan, "");
    assert_non_null(strstr(the_fake.shown, "No file"));
}

static void shell_and_memory(void **state)
{
    (void)state;
    ask("x", "p2sx");
    assert_string_equal(the_menu.plan, "soak.plan");
    assert_string_equal(the_cmdline, "x after=shell");
    ask("", "p2m3"); /* starts at once */
    assert_string_equal(the_menu.plan, "");
    assert_string_equal(the_cmdline, "plan=/etc/firstlight/memory.plan stop=key limit=10800");
    ask("", "m"); /* a machine without a keyboard that the kernel knows: it ends all the same */
    assert_string_equal(the_cmdline, "plan=/etc/firstlight/memory.plan stop=key limit=28800");
    assert_non_null(strstr(the_fake.log, "memory test for 8 hours, or until a key"));
}

static void the_last_report(void **state)
{
    (void)state;
    ask("", "r");
    assert_non_null(strstr(the_fake.shown, "ten?\nend\n"));
    assert_null(strstr(the_fake.shown, "two"));
    assert_null(strstr(the_fake.shown, "xml"));
    assert_null(strstr(the_fake.shown, "own"));
    the_fake.files[5].open_status = EFI_DEVICE_ERROR;
    ask("", "r");
    assert_non_null(strstr(the_fake.log, "0010.txt: cannot be read"));
    the_fake.files[3].name = NULL;
    ask("", "r");
    assert_non_null(strstr(the_fake.shown, "There is no report"));
}

static void a_long_report_waits(void **state)
{
    static char text[500];

    (void)state;
    memset(text, '\n', sizeof(text));
    memcpy(text + 490, "the end", 7);
    the_fake.files[5].data = text;
    the_fake.files[5].size = sizeof(text);
    ask("", "rq");
    assert_null(strstr(the_fake.shown, "the end"));
    ask("", "r                                            ");
    assert_non_null(strstr(the_fake.shown, "the end"));
}

static void no_room_for_a_word(void **state)
{
    char words[250];

    (void)state;
    memset(words, 'x', sizeof(words) - 1);
    words[sizeof(words) - 1] = '\0';
    ask(words, "s");
    assert_string_equal(the_cmdline, words);
    assert_non_null(strstr(the_fake.log, "no room"));
    assert_null(strstr(the_fake.log, "a shell follows"));
    ask(words, "p2m"); /* what was chosen stays, and nothing else is claimed */
    assert_string_equal(the_cmdline, words);
    assert_string_equal(the_menu.plan, "soak.plan");
    assert_null(strstr(the_fake.log, "memory test"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_key_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(asked_only_where_someone_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_watchdog_waits_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_plan, set_up, tear_down),
        cmocka_unit_test_setup_teardown(shell_and_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_report, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_report_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_room_for_a_word, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
