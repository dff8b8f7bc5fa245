/* SPDX-License-Identifier: MIT */
/* The count of boots: bounded on every kind of variable store. */
#include "tests/host/loader_fake.h"

#include <string.h>

#include "efi-loader/loops.h"
#include "shared/linux/errno.h"

static struct {
    unsigned char value[64];
    UINTN nbytes; /* 0: there is none */
    UINT64 left;
    EFI_STATUS set_status, query_status;
    bool forgets; /* says that it has written, and has not */
    unsigned writes;
} the_store;

static EFI_STATUS EFIAPI get_variable(CHAR16 *name, EFI_GUID *guid, UINT32 *attributes,
                                      UINTN *nbytes, void *data)
{
    (void)name, (void)guid, (void)attributes;
    if (!the_store.nbytes)
        return EFI_NOT_FOUND;
    if (*nbytes < the_store.nbytes)
        return EFI_BUFFER_TOO_SMALL;
    *nbytes = the_store.nbytes;
    memcpy(data, the_store.value, the_store.nbytes);
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI set_variable(CHAR16 *name, EFI_GUID *guid, UINT32 attributes, UINTN nbytes,
                                      void *data)
{
    (void)name, (void)guid;
    assert_int_equal(attributes, 7); /* kept over a reset, for the loader and for the kernel */
    the_store.writes++;
    if (the_store.set_status || the_store.forgets)
        return the_store.set_status;
    the_store.nbytes = nbytes;
    if (nbytes)
        memcpy(the_store.value, data, nbytes);
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI query(UINT32 attributes, UINT64 *all, UINT64 *left, UINT64 *largest)
{
    assert_int_equal(attributes, 7);
    *all = 65536;
    *left = the_store.left;
    *largest = 1024;
    return the_store.query_status;
}

/* The words that the loader leaves for the kernel. */
static const char *boot(const char *words)
{
    static char cmdline[128];

    strcpy(cmdline, words);
    assert_int_equal(loops_count(&the_fake.rs, cmdline, sizeof(cmdline)), 0);
    return cmdline + strlen(words);
}

static int set_up(void **state)
{
    (void)state;
    fake_reset();
    memset(&the_store, 0, sizeof(the_store));
    the_store.left = 60000;
    the_fake.rs.GetVariable = get_variable;
    the_fake.rs.SetVariable = set_variable;
    the_fake.rs.QueryVariableInfo = query;
    return 0;
}

static void only_for_reboot(void **state)
{
    (void)state;
    memset(&the_fake.rs, 0, sizeof(the_fake.rs)); /* a call would end the test */
    assert_string_equal(boot("after=poweroff loops=3"), "");
    assert_string_equal(boot(""), "");
    assert_string_equal(boot("after=reboot after=halt"), "");
}

static void once_more(void **state)
{
    (void)state;
    assert_string_equal(boot("after=reboot"), " boot=1/2");
    assert_string_equal(boot("after=reboot"), " boot=2/2");
    assert_int_equal(the_store.nbytes, 0); /* nothing of it is left */
    assert_string_equal(boot("after=reboot"), " boot=1/2");
}

static void loops(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        assert_string_equal(boot("after=reboot loops=3"), " boot=1/3");
        assert_string_equal(boot("after=reboot loops=3"), " boot=2/3");
        assert_string_equal(boot("after=reboot loops=3"), " boot=3/3");
    }
    assert_string_equal(boot("after=reboot loops=1"), " boot=1/1");
    assert_string_equal(boot("after=reboot loops=0"), " boot=1/1");
    assert_string_equal(boot("after=reboot loops=many"), " boot=1/1");
}

static void other_words_begin_anew(void **state)
{
    (void)state;
    assert_string_equal(boot("after=reboot loops=9"), " boot=1/9");
    assert_string_equal(boot("after=reboot loops=9"), " boot=2/9");
    assert_string_equal(boot("cpus=1 after=reboot loops=9"), " boot=1/9");
}

/* What cannot be counted is told, even against a word of boot.cfg that claims another count. */
static void no_store(void **state)
{
    (void)state;
    the_store.set_status = EFI_WRITE_PROTECTED;
    assert_string_equal(boot("after=reboot boot=1/9"), " boot=0");
    set_up(state);
    the_store.forgets = true;
    assert_string_equal(boot("after=reboot"), " boot=0");
    set_up(state);
    the_store.query_status = EFI_UNSUPPORTED;
    assert_string_equal(boot("after=reboot"), " boot=0");
    assert_int_equal(the_store.writes, 0);
}

static void a_full_store_is_not_written_to(void **state)
{
    (void)state;
    the_store.left = 5 * 1024;
    assert_string_equal(boot("after=reboot"), " boot=0");
    assert_int_equal(the_store.writes, 0);
}

/* The variable is what anybody has put there. */
static void rubbish_in_the_variable(void **state)
{
    (void)state;
    the_store.nbytes = 40;
    assert_string_equal(boot("after=reboot"), " boot=1/2");
    the_store.nbytes = 3;
    assert_string_equal(boot("after=reboot"), " boot=1/2");
    memset(the_store.value, 0xff, 4); /* more boots than are wanted */
    assert_string_equal(boot("after=reboot"), " boot=1/2");
}

static void no_room_for_the_word(void **state)
{
    char cmdline[20] = "after=reboot loops=";

    (void)state;
    assert_int_equal(loops_count(&the_fake.rs, cmdline, sizeof(cmdline)), -E2BIG);
    assert_non_null(strstr(the_fake.log, "refused: "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(only_for_reboot, set_up),
        cmocka_unit_test_setup(once_more, set_up),
        cmocka_unit_test_setup(loops, set_up),
        cmocka_unit_test_setup(other_words_begin_anew, set_up),
        cmocka_unit_test_setup(no_store, set_up),
        cmocka_unit_test_setup(a_full_store_is_not_written_to, set_up),
        cmocka_unit_test_setup(rubbish_in_the_variable, set_up),
        cmocka_unit_test_setup(no_room_for_the_word, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
