/* SPDX-License-Identifier: MIT */
/* Which framebuffers are taken, over a table of modes; which display and mode is chosen. */
#include "tests/host/loader_fake.h"

#include <stdlib.h>
#include <string.h>

#include "efi-loader/graphics.h"
#include "shared/linux/errno.h"

#define BASE 0x4000000000ULL /* above 4 GiB, as on recent machines */
#define RGB  PixelRedGreenBlueReserved8BitPerColor
#define BGR  PixelBlueGreenRedReserved8BitPerColor

struct row {
    const char *what;
    EFI_GRAPHICS_OUTPUT_MODE_INFORMATION info;
    uint64_t base, size;
    int err;
    uint32_t format, red, green, blue;
};

#define MODE(w, h, line, format, ...)                                                              \
    {                                                                                              \
        0, w, h, format, {__VA_ARGS__}, line                                                       \
    }
#define RGB_MASKS 0xff, 0xff00, 0xff0000
#define BGR_MASKS 0xff0000, 0xff00, 0xff
#define NO_MASKS  0, 0, 0

static const struct row rows[] = {
    {"rgb", MODE(800, 600, 800, RGB, 0, 0, 0, 0), BASE, 0, 0, BOOTINFO_PIXEL_RGBX, RGB_MASKS},
    {"bgr", MODE(800, 600, 832, BGR, 0, 0, 0, 0), BASE, 1 << 24, 0, BOOTINFO_PIXEL_BGRX, BGR_MASKS},
    {"10 bits", MODE(800, 600, 800, PixelBitMask, 0x3ff00000, 0xffc00, 0x3ff, 0xc0000000), BASE, 0,
     0, BOOTINFO_PIXEL_MASK, 0x3ff00000, 0xffc00, 0x3ff},
    {"blt only", MODE(800, 600, 800, PixelBltOnly, 0, 0, 0, 0), BASE, 0, -EOPNOTSUPP, 0, NO_MASKS},
    {"unknown format", MODE(800, 600, 800, 77, 0, 0, 0, 0), BASE, 0, -EOPNOTSUPP, 0, NO_MASKS},
    {"16 bits a pixel", MODE(800, 600, 800, PixelBitMask, 0xf800, 0x7e0, 0x1f, 0), BASE, 0, -EINVAL,
     0, NO_MASKS},
    {"no green", MODE(800, 600, 800, PixelBitMask, 0xff0000, 0, 0xff, 0), BASE, 0, -EINVAL, 0,
     NO_MASKS},
    {"masks overlap", MODE(800, 600, 800, PixelBitMask, 0xff0000, 0x1ff00, 0xff, 0), BASE, 0,
     -EINVAL, 0, NO_MASKS},
    {"mask with a hole", MODE(800, 600, 800, PixelBitMask, 0xa00000, 0xff00, 0xff, 0), BASE, 0,
     -EINVAL, 0, NO_MASKS},
    {"line too short", MODE(800, 600, 799, BGR, 0, 0, 0, 0), BASE, 0, -EINVAL, 0, NO_MASKS},
    {"line too long", MODE(800, 600, 0x80000000, BGR, 0, 0, 0, 0), BASE, 0, -EINVAL, 0, NO_MASKS},
    {"no width", MODE(0, 600, 800, BGR, 0, 0, 0, 0), BASE, 0, -EINVAL, 0, NO_MASKS},
    {"no height", MODE(800, 0, 800, BGR, 0, 0, 0, 0), BASE, 0, -EINVAL, 0, NO_MASKS},
    {"too wide", MODE(40000, 600, 40000, BGR, 0, 0, 0, 0), BASE, 0, -EINVAL, 0, NO_MASKS},
    {"too small", MODE(800, 600, 800, BGR, 0, 0, 0, 0), BASE, 800 * 600 * 4 - 1, -EINVAL, 0,
     NO_MASKS},
    {"no address", MODE(800, 600, 800, BGR, 0, 0, 0, 0), 0, 0, -EINVAL, 0, NO_MASKS},
    {"odd address", MODE(800, 600, 800, BGR, 0, 0, 0, 0), BASE + 2, 0, -EINVAL, 0, NO_MASKS},
    {"past the end", MODE(800, 600, 800, BGR, 0, 0, 0, 0), (1ULL << 52) - 4096, 0, -EINVAL, 0,
     NO_MASKS},
    {"wrapping", MODE(800, 600, 800, BGR, 0, 0, 0, 0), ~0ULL - 3, 0, -EINVAL, 0, NO_MASKS},
};

static void table_of_modes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct row *row = &rows[i];
        struct bootinfo_framebuffer fb = {0};

        if (graphics_describe(&row->info, row->base, row->size, &fb) != row->err)
            fail_msg("%s: expected %d", row->what, row->err);
        if (fb.format != row->format || fb.red_mask != row->red || fb.green_mask != row->green ||
            fb.blue_mask != row->blue)
            fail_msg("%s: wrong format", row->what);
        if (row->err)
            continue;
        assert_int_equal(fb.base, BASE);
        assert_int_equal(fb.width, 800);
        assert_int_equal(fb.height, 600);
        assert_int_equal(fb.pixels_per_line, row->info.PixelsPerScanLine);
        assert_int_equal(fb.size, (uint64_t)fb.pixels_per_line * 600 * 4);
    }
}

/* ---- The choice ------------------------------------------------------------------------------ */

#define N_DISPLAYS 3
#define N_MODES    4

static EFI_GRAPHICS_OUTPUT_MODE_INFORMATION the_modes[N_MODES];
static EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE the_states[N_DISPLAYS];
static EFI_GRAPHICS_OUTPUT_PROTOCOL the_displays[N_DISPLAYS];
static unsigned the_count, the_mode_sets, the_pool_blocks;
static bool the_set_fails;

static EFI_STATUS EFIAPI free_pool(void *memory)
{
    the_pool_blocks--;
    free(memory);
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI query_mode(EFI_GRAPHICS_OUTPUT_PROTOCOL *self, UINT32 n, UINTN *nbytes,
                                    EFI_GRAPHICS_OUTPUT_MODE_INFORMATION **out)
{
    (void)self;
    if (n == 1)
        return EFI_DEVICE_ERROR;
    *nbytes = sizeof(**out);
    *out = malloc(*nbytes);
    **out = the_modes[n];
    the_pool_blocks++;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI set_mode(EFI_GRAPHICS_OUTPUT_PROTOCOL *self, UINT32 n)
{
    the_mode_sets++;
    assert_int_not_equal(the_modes[n].PixelFormat, PixelBltOnly);
    if (the_set_fails)
        return EFI_DEVICE_ERROR;
    self->Mode->Mode = n;
    self->Mode->Info = &the_modes[n];
    self->Mode->FrameBufferBase = BASE;
    self->Mode->FrameBufferSize = 1 << 24;
    return EFI_SUCCESS;
}

#define CONSOLE_DEVICE_DATA1 0xd3b36f2c

static unsigned the_consoles;  /* bit i: display i is marked as a device of the console */
static EFI_HANDLE the_console; /* ConsoleOutHandle */

static unsigned display_number(EFI_HANDLE handle)
{
    return (unsigned)((EFI_GRAPHICS_OUTPUT_PROTOCOL *)handle - the_displays);
}

static EFI_STATUS EFIAPI handle_protocol(EFI_HANDLE handle, EFI_GUID *guid, void **out)
{
    if (guid->Data1 == CONSOLE_DEVICE_DATA1 && !(the_consoles & 1u << display_number(handle)))
        return EFI_UNSUPPORTED;
    *out = handle;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI locate_handles(EFI_LOCATE_SEARCH_TYPE how, EFI_GUID *guid, void *key,
                                        UINTN *count, EFI_HANDLE **out)
{
    (void)how;
    (void)guid;
    (void)key;
    if (the_count == 0)
        return EFI_NOT_FOUND;
    *out = calloc(the_count, sizeof(EFI_HANDLE));
    for (unsigned i = 0; i < the_count; i++)
        (*out)[i] = &the_displays[i];
    *count = the_count;
    the_pool_blocks++;
    return EFI_SUCCESS;
}

static int set_up(void **state)
{
    (void)state;
    fake_reset();
    the_fake.bs.HandleProtocol = handle_protocol;
    the_fake.bs.LocateHandleBuffer = locate_handles;
    the_fake.bs.FreePool = free_pool;
    the_mode_sets = the_pool_blocks = 0;
    the_set_fails = false;
    the_count = N_DISPLAYS;
    the_consoles = 0;
    the_console = NULL;
    the_modes[0] = (EFI_GRAPHICS_OUTPUT_MODE_INFORMATION)MODE(640, 480, 640, BGR, 0, 0, 0, 0);
    the_modes[1] = (EFI_GRAPHICS_OUTPUT_MODE_INFORMATION)MODE(4096, 4096, 4096, BGR, 0, 0, 0, 0);
    the_modes[2] = (EFI_GRAPHICS_OUTPUT_MODE_INFORMATION)MODE(1280, 800, 1280, RGB, 0, 0, 0, 0);
    the_modes[3] =
        (EFI_GRAPHICS_OUTPUT_MODE_INFORMATION)MODE(1920, 1080, 1920, PixelBltOnly, 0, 0, 0, 0);
    for (unsigned i = 0; i < N_DISPLAYS; i++) {
        the_displays[i].Mode = &the_states[i];
        the_displays[i].QueryMode = query_mode;
        the_displays[i].SetMode = set_mode;
        the_states[i] = (EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE){
            .MaxMode = N_MODES, .Mode = 3, .Info = &the_modes[3], .FrameBufferBase = BASE};
    }
    return 0;
}

static int find(struct bootinfo_framebuffer *fb)
{
    memset(fb, 0xee, sizeof(*fb));
    int err = graphics_find(&the_fake.bs, the_console, fb);

    assert_int_equal(the_pool_blocks, 0);
    if (err)
        assert_int_equal(fb->format, BOOTINFO_PIXEL_NONE);
    return err;
}

static void no_display(void **state)
{
    struct bootinfo_framebuffer fb;

    (void)state;
    the_count = 0;
    assert_int_equal(find(&fb), -ENODEV);
}

static void mode_in_use_is_kept(void **state)
{
    struct bootinfo_framebuffer fb;

    (void)state;
    /* Also when it is the second display's, and the first could be switched. */
    the_states[1].Info = &the_modes[0];
    assert_int_equal(find(&fb), 0);
    assert_int_equal(fb.width, 640);
    assert_int_equal(the_mode_sets, 0);
}

/* All displays show something: each of another size. */
static void all_in_use(void)
{
    static EFI_GRAPHICS_OUTPUT_MODE_INFORMATION infos[N_DISPLAYS];

    for (unsigned i = 0; i < N_DISPLAYS; i++) {
        infos[i] = the_modes[0];
        infos[i].HorizontalResolution = infos[i].PixelsPerScanLine = 640 + 8 * i;
        the_states[i].Info = &infos[i];
    }
}

static void console_comes_first(void **state)
{
    struct bootinfo_framebuffer fb;

    (void)state;
    all_in_use();
    assert_int_equal(find(&fb), 0);
    assert_int_equal(fb.width, 640); /* nothing says which */
    the_consoles = 1u << 2 | 1u << 1;
    assert_int_equal(find(&fb), 0);
    assert_int_equal(fb.width, 648); /* the first of the console's devices */
    the_console = &the_displays[2];
    assert_int_equal(find(&fb), 0);
    assert_int_equal(fb.width, 656); /* the console's own */
    the_console = &the_displays[0];
    assert_int_equal(find(&fb), 0);
    assert_int_equal(fb.width, 648); /* no device: what it knows of the mode may be old */
    the_console = &the_displays[2];
    /* A split console can be drawn on by the firmware alone; its devices come next. */
    the_states[2].Info = &the_modes[3];
    assert_int_equal(find(&fb), 0);
    assert_int_equal(fb.width, 648);
    the_states[1].Info = NULL; /* not in use: what another shows, before any change of mode */
    assert_int_equal(find(&fb), 0);
    assert_int_equal(fb.width, 640);
    assert_int_equal(the_mode_sets, 0);
}

/* Where a mode has to be changed, it is the console's display as well. */
static void console_is_switched_first(void **state)
{
    struct bootinfo_framebuffer fb;

    (void)state;
    the_consoles = 1u << 1;
    assert_int_equal(find(&fb), 0);
    assert_int_equal(the_states[1].Mode, 2);
    assert_int_equal(the_states[0].Mode, 3);
}

static void largest_mode_replaces_blt_only(void **state)
{
    struct bootinfo_framebuffer fb;

    (void)state;
    assert_int_equal(find(&fb), 0);
    assert_int_equal(fb.width, 1280);
    assert_int_equal(fb.format, BOOTINFO_PIXEL_RGBX);
    assert_int_equal(the_mode_sets, 1);
}

static void nothing_but_blt_only(void **state)
{
    struct bootinfo_framebuffer fb;

    (void)state;
    for (unsigned i = 0; i < N_MODES; i++)
        the_modes[i].PixelFormat = PixelBltOnly;
    assert_int_equal(find(&fb), -ENODEV);
    assert_int_equal(the_mode_sets, 0);
}

static void switching_fails(void **state)
{
    struct bootinfo_framebuffer fb;

    (void)state;
    the_set_fails = true;
    assert_int_equal(find(&fb), -ENODEV);
    assert_int_equal(the_mode_sets, N_DISPLAYS);
    the_states[0].Info = NULL;
    the_displays[1].Mode = NULL;
    assert_int_equal(find(&fb), -ENODEV);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(table_of_modes),       TEST(no_display),
        TEST(mode_in_use_is_kept),  TEST(largest_mode_replaces_blt_only),
        TEST(nothing_but_blt_only), TEST(switching_fails),
        TEST(console_comes_first),  TEST(console_is_switched_first),
    };

    return cmocka_run_group_tests_name("loader_graphics", tests, NULL, NULL);
}
