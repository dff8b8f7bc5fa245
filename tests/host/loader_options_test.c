/* SPDX-License-Identifier: MIT */
/* Load options as the UEFI shell, efibootmgr and strange firmware pass them. */
#include "tests/host/loader_fake.h"

#include <string.h>

#include "efi-loader/options.h"
#include "shared/linux/errno.h"

static char the_text[64];

static int wide(const CHAR16 *text, size_t nchars)
{
    memset(the_text, 0xee, sizeof(the_text));
    return options_to_text(text, nchars * 2, the_text, sizeof(the_text));
}

#define WIDE(literal) wide(u##literal, sizeof(u##literal) / 2)

static int narrow(const char *text, size_t nbytes)
{
    memset(the_text, 0xee, sizeof(the_text));
    return options_to_text(text, nbytes, the_text, sizeof(the_text));
}

static void expect(int length, const char *text)
{
    assert_string_equal(the_text, text);
    assert_int_equal(length, (int)strlen(text));
}

static void none(void **state)
{
    (void)state;
    expect(options_to_text(NULL, 0, the_text, sizeof(the_text)), "");
    expect(options_to_text(NULL, 10, the_text, sizeof(the_text)), "");
    expect(narrow("", 0), "");
    expect(WIDE(""), "");
    expect(WIDE("   "), "");
}

static void plain_words(void **state)
{
    (void)state;
    expect(WIDE("after=halt"), "after=halt");
    expect(WIDE("  after=halt \t  trace=syscall  "), "after=halt trace=syscall");
    expect(wide(u"after=halt", 10), "after=halt"); /* without a terminator */
    expect(wide(u"after=halt\0\0\0", 13), "after=halt");
    expect(narrow("after=halt", 10), "after=halt");
    expect(narrow("after=hal", 9), "after=hal");
    expect(narrow("after=halt", 11), "after=halt");
}

static void program_name_is_left_out(void **state)
{
    (void)state;
    expect(WIDE("BOOTX64.EFI after=halt"), "after=halt");
    expect(WIDE("fs0:\\EFI\\BOOT\\BOOTX64.EFI after=halt x=1"), "after=halt x=1");
    expect(WIDE("\\a=b\\bootx64.efi after=halt"), "after=halt");
    expect(WIDE("bootx64 after=halt"), "after=halt");
    expect(WIDE("\"fs0:\\my dir\\b.efi\" after=halt"), "after=halt");
    expect(WIDE("\"never closed after=halt"), "");
    expect(WIDE("BOOTX64.EFI"), "");
    expect(WIDE("=x after=halt"), "after=halt");
    /* Only the first word can be a name. */
    expect(WIDE("a=1 quiet b.efi"), "a=1 quiet b.efi");
}

static void what_is_not_text(void **state)
{
    (void)state;
    assert_int_equal(WIDE("after=h\u00e4lt"), -EINVAL);
    assert_string_equal(the_text, "");
    assert_int_equal(WIDE("after=\x01"), -EINVAL);
    assert_int_equal(WIDE("after=\x7f"), -EINVAL);
    assert_int_equal(narrow("\xb5\xa1\x31\x5b\x62\x95\xd2\x11", 8), -EINVAL);
    assert_int_equal(narrow("after=\xff", 7), -EINVAL);
    assert_string_equal(the_text, "");
}

static void too_long(void **state)
{
    char text[64];

    (void)state;
    memset(text, 'a', sizeof(text));
    text[1] = '=';
    assert_int_equal(narrow(text, 64), -EINVAL);
    assert_string_equal(the_text, "");
    assert_int_equal(narrow(text, 63), 63);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none),
        cmocka_unit_test(plain_words),
        cmocka_unit_test(program_name_is_left_out),
        cmocka_unit_test(what_is_not_text),
        cmocka_unit_test(too_long),
    };

    return cmocka_run_group_tests_name("loader_options", tests, NULL, NULL);
}
