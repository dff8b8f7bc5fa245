/* SPDX-License-Identifier: MIT */
/* Displays that this virtual machine does not have. */
#include "tests/quirk/quirk.h"

#include "kernel/lib/string.h"

#define FOUR_GIB (1ULL << 32)

/* The loader sees copies: the firmware's own console goes on as before. */
static EFI_GRAPHICS_OUTPUT_PROTOCOL the_display, *the_real_display;
static EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE the_mode;
static EFI_GRAPHICS_OUTPUT_MODE_INFORMATION the_info;
static EFI_GRAPHICS_PIXEL_FORMAT the_format;
static bool the_switch_helps; /* other modes than the one in use have a framebuffer */

static void change(EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info)
{
    info->PixelFormat = the_format;
    if (the_format == PixelBitMask)
        info->PixelInformation = (EFI_PIXEL_BITMASK){0xff0000, 0xff00, 0xff, 0xff000000};
}

/* The driver finds its own data beside the protocol: it is called with the real one alone. */
static EFI_STATUS EFIAPI real_query_mode(EFI_GRAPHICS_OUTPUT_PROTOCOL *self, UINT32 n,
                                         UINTN *nbytes, EFI_GRAPHICS_OUTPUT_MODE_INFORMATION **out)
{
    (void)self;
    return the_real_display->QueryMode(the_real_display, n, nbytes, out);
}

static EFI_STATUS EFIAPI query_mode(EFI_GRAPHICS_OUTPUT_PROTOCOL *self, UINT32 n, UINTN *nbytes,
                                    EFI_GRAPHICS_OUTPUT_MODE_INFORMATION **out)
{
    EFI_STATUS status = real_query_mode(self, n, nbytes, out);

    if (!EFI_ERROR(status) && (!the_switch_helps || n == the_real_display->Mode->Mode))
        change(*out);
    return status;
}

static void copy_mode(void)
{
    the_info = *the_real_display->Mode->Info;
    the_mode = *the_real_display->Mode;
    the_mode.Info = &the_info;
}

static EFI_STATUS EFIAPI real_set_mode(EFI_GRAPHICS_OUTPUT_PROTOCOL *self, UINT32 n)
{
    (void)self;
    EFI_STATUS status = the_real_display->SetMode(the_real_display, n);
    copy_mode();
    return status;
}

static EFI_STATUS EFIAPI set_mode(EFI_GRAPHICS_OUTPUT_PROTOCOL *self, UINT32 n)
{
    if (!the_switch_helps)
        quirk_fault("a mode without a framebuffer was set");
    return real_set_mode(self, n);
}

/* Until a caller changes it, the_display is as the real one. */
static void copy_display(EFI_GRAPHICS_OUTPUT_PROTOCOL *real)
{
    the_real_display = real;
    the_display = *real;
    the_display.QueryMode = real_query_mode;
    the_display.SetMode = real_set_mode;
    the_display.Mode = &the_mode;
    copy_mode();
}

static EFI_STATUS EFIAPI handle_protocol(EFI_HANDLE handle, EFI_GUID *guid, void **out)
{
    static const EFI_GUID gop = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
    EFI_STATUS status = the_quirk.real.HandleProtocol(handle, guid, out);

    if (EFI_ERROR(status) || !quirk_is_loader(__builtin_return_address(0)) ||
        memcmp(guid, &gop, sizeof(gop)) != 0)
        return status;
    if (the_real_display != *out) {
        copy_display(*out);
        the_display.QueryMode = query_mode;
        the_display.SetMode = set_mode;
        change(&the_info);
    }
    *out = &the_display;
    return status;
}

static void install(EFI_GRAPHICS_PIXEL_FORMAT format)
{
    the_format = format;
    the_quirk.bs->HandleProtocol = handle_protocol;
}

static void format_rgb(void)
{
    install(PixelRedGreenBlueReserved8BitPerColor);
}

static void format_mask(void)
{
    install(PixelBitMask);
}

static void blt_only(void)
{
    install(PixelBltOnly);
}

static void blt_only_in_use(void)
{
    the_switch_helps = true;
    install(PixelBltOnly);
}

static bool is_display(const EFI_GUID *guid)
{
    static const EFI_GUID gop = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;

    return guid && memcmp(guid, &gop, sizeof(gop)) == 0;
}

/* A display that is there and shows nothing yet. */
static EFI_STATUS EFIAPI handle_unset(EFI_HANDLE handle, EFI_GUID *guid, void **out)
{
    EFI_STATUS status = the_quirk.real.HandleProtocol(handle, guid, out);

    if (!EFI_ERROR(status) && quirk_is_loader(__builtin_return_address(0)) && is_display(guid)) {
        copy_display(*out);
        the_display.Mode = NULL;
        *out = &the_display;
    }
    return status;
}

static void no_mode(void)
{
    the_quirk.bs->HandleProtocol = handle_unset;
}

/* The framebuffer is said to end before the picture does, in every mode. */
static EFI_STATUS EFIAPI set_small_mode(EFI_GRAPHICS_OUTPUT_PROTOCOL *self, UINT32 n)
{
    EFI_STATUS status = real_set_mode(self, n);

    the_mode.FrameBufferSize = EFI_PAGE_SIZE;
    return status;
}

static EFI_STATUS EFIAPI handle_small(EFI_HANDLE handle, EFI_GUID *guid, void **out)
{
    EFI_STATUS status = the_quirk.real.HandleProtocol(handle, guid, out);

    if (!EFI_ERROR(status) && quirk_is_loader(__builtin_return_address(0)) && is_display(guid)) {
        copy_display(*out);
        the_display.SetMode = set_small_mode;
        the_mode.FrameBufferSize = EFI_PAGE_SIZE;
        *out = &the_display;
    }
    return status;
}

static void small_buffer(void)
{
    the_quirk.bs->HandleProtocol = handle_small;
}

/* A panel of 1366 pixels, whose lines are those of the larger mode. */
static EFI_STATUS EFIAPI handle_panel(EFI_HANDLE handle, EFI_GUID *guid, void **out)
{
    enum { WIDTH = 1366, HEIGHT = 768 };
    EFI_STATUS status = the_quirk.real.HandleProtocol(handle, guid, out);

    if (!EFI_ERROR(status) && quirk_is_loader(__builtin_return_address(0)) && is_display(guid)) {
        copy_display(*out);
        if (the_info.HorizontalResolution <= WIDTH || the_info.VerticalResolution < HEIGHT)
            quirk_fault("the display is smaller than the panel");
        the_info.HorizontalResolution = WIDTH;
        the_info.VerticalResolution = HEIGHT;
        *out = &the_display;
    }
    return status;
}

static void panel(void)
{
    the_quirk.bs->HandleProtocol = handle_panel;
}

static EFI_STATUS EFIAPI locate_no_display(EFI_LOCATE_SEARCH_TYPE how, EFI_GUID *guid, void *key,
                                           UINTN *count, EFI_HANDLE **out)
{
    if (quirk_is_loader(__builtin_return_address(0)) && is_display(guid))
        return EFI_NOT_FOUND;
    return the_quirk.real.LocateHandleBuffer(how, guid, key, count, out);
}

static EFI_STATUS EFIAPI handle_no_display(EFI_HANDLE handle, EFI_GUID *guid, void **out)
{
    if (quirk_is_loader(__builtin_return_address(0)) && is_display(guid))
        return EFI_UNSUPPORTED;
    return the_quirk.real.HandleProtocol(handle, guid, out);
}

static void no_display(void)
{
    the_quirk.bs->LocateHandleBuffer = locate_no_display;
    the_quirk.bs->HandleProtocol = handle_no_display;
}

/* Firmware that knows the panel: QEMU has no word for a mode of this size. */
static void large_mode(void)
{
    enum { WIDTH = 3840, HEIGHT = 2160 };
    static EFI_GUID guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
    EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info;
    EFI_GRAPHICS_OUTPUT_PROTOCOL *gop = NULL;
    UINTN nbytes;

    if (EFI_ERROR(the_quirk.real.LocateProtocol(&guid, NULL, (void **)&gop)))
        quirk_fault("there is no display");
    for (UINT32 n = 0; gop && n < gop->Mode->MaxMode; n++) {
        if (!EFI_ERROR(gop->QueryMode(gop, n, &nbytes, &info)) &&
            info->HorizontalResolution == WIDTH && info->VerticalResolution == HEIGHT &&
            !EFI_ERROR(gop->SetMode(gop, n)))
            return;
    }
    quirk_fault("the display has no mode of 3840x2160");
}

/* A second display, which the firmware finds first and on which it shows nothing. */
static EFI_HANDLE the_other_handle;

static EFI_STATUS EFIAPI locate_other_first(EFI_LOCATE_SEARCH_TYPE how, EFI_GUID *guid, void *key,
                                            UINTN *count, EFI_HANDLE **out)
{
    EFI_STATUS status = the_quirk.real.LocateHandleBuffer(how, guid, key, count, out);

    if (EFI_ERROR(status) || !quirk_is_loader(__builtin_return_address(0)) || !is_display(guid))
        return status;
    for (UINTN i = 0; i < *count; i++) {
        if ((*out)[i] == the_other_handle) {
            (*out)[i] = (*out)[0];
            (*out)[0] = the_other_handle;
        }
    }
    return status;
}

static void other_display_first(void)
{
    enum { WIDTH = 640, HEIGHT = 480, PIXEL = 4 };
    static EFI_GUID gop = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
    EFI_PHYSICAL_ADDRESS base = FOUR_GIB - 1;
    UINTN nbytes = WIDTH * HEIGHT * PIXEL;

    the_display.QueryMode = query_mode;
    the_display.SetMode = set_mode;
    the_display.Mode = &the_mode;
    if (EFI_ERROR(the_quirk.real.AllocatePages(AllocateMaxAddress, EfiReservedMemoryType,
                                               nbytes / EFI_PAGE_SIZE, &base)) ||
        EFI_ERROR(the_quirk.real.InstallProtocolInterface(&the_other_handle, &gop,
                                                          EFI_NATIVE_INTERFACE, &the_display)))
        quirk_fault("no second display can be made");
    the_info =
        (EFI_GRAPHICS_OUTPUT_MODE_INFORMATION){.HorizontalResolution = WIDTH,
                                               .VerticalResolution = HEIGHT,
                                               .PixelFormat = PixelBlueGreenRedReserved8BitPerColor,
                                               .PixelsPerScanLine = WIDTH};
    the_mode = (EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE){.MaxMode = 1,
                                                   .Info = &the_info,
                                                   .SizeOfInfo = sizeof(the_info),
                                                   .FrameBufferBase = base,
                                                   .FrameBufferSize = nbytes};
    the_quirk.bs->LocateHandleBuffer = locate_other_first;
}

const struct quirk_entry quirk_graphics_entries[] = {
    {"graphics-rgb", format_rgb},
    {"graphics-mask", format_mask},
    {"graphics-blt-only", blt_only},
    {"graphics-blt-only-in-use", blt_only_in_use},
    {"graphics-no-mode", no_mode},
    {"graphics-small", small_buffer},
    {"graphics-panel", panel},
    {"graphics-4k", large_mode},
    {"graphics-none", no_display},
    {"graphics-order", other_display_first},
    {NULL, NULL},
};
