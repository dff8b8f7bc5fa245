/* SPDX-License-Identifier: MIT */
/*
 * The framebuffer: choice of display and mode, and whether the kernel can draw in it.
 *
 * Of several displays the one on which the firmware's console is comes first: a person looks at it.
 * It is a device that is marked as one of the console's, or the console's own handle where nothing
 * is marked. The protocol of a split console is none of the hardware: it has no framebuffer, or,
 * for a single device, a copy of the mode that is old once a boot manager has changed the device's.
 *
 * The mode that a display is in already is preferred: changing modes can leave a panel black, and
 * firmware's choice fits the screen. Only if no display has a framebuffer is the largest mode with
 * one set. Modes that can be drawn only by the firmware (BltOnly) are of no use after
 * ExitBootServices.
 *
 * All numbers are the firmware's and are checked: size, stride, address, masks. A framebuffer that
 * looks wrong is as good as none, and none is no error.
 */
#include "efi-loader/graphics.h"
#include "shared/linux/errno.h"

#define MIN_SIDE      64
#define MAX_SIDE      16384
#define BYTES_A_PIXEL 4
/* Bounds for loops over numbers that firmware gives. */
#define MAX_DISPLAYS 16
#define MAX_MODES    256
#define PHYS_LIMIT   (1ULL << 52)

/* Every colour has a mask of adjacent bits, and no two share a bit. */
static bool masks_plausible(const EFI_PIXEL_BITMASK *masks)
{
    const uint32_t all[] = {masks->RedMask, masks->GreenMask, masks->BlueMask};
    uint32_t seen = 0;

    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        uint32_t lowest = all[i] & -all[i];

        if (all[i] == 0 || (seen & all[i]) || ((all[i] + lowest) & all[i]))
            return false;
        seen |= all[i];
    }
    return true;
}

/* The reserved bits may be left out of the masks, but a pixel of other than 4 bytes is nothing
 * that the kernel's terminal draws. */
static bool is_four_bytes(const EFI_PIXEL_BITMASK *masks)
{
    uint32_t all = masks->RedMask | masks->GreenMask | masks->BlueMask | masks->ReservedMask;

    return all >> 16 != 0;
}

static int set_format(const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info,
                      struct bootinfo_framebuffer *fb)
{
    switch (info->PixelFormat) {
    case PixelRedGreenBlueReserved8BitPerColor:
        fb->format = BOOTINFO_PIXEL_RGBX;
        fb->red_mask = 0x0000ff;
        fb->green_mask = 0x00ff00;
        fb->blue_mask = 0xff0000;
        return 0;
    case PixelBlueGreenRedReserved8BitPerColor:
        fb->format = BOOTINFO_PIXEL_BGRX;
        fb->red_mask = 0xff0000;
        fb->green_mask = 0x00ff00;
        fb->blue_mask = 0x0000ff;
        return 0;
    case PixelBitMask:
        if (!masks_plausible(&info->PixelInformation) || !is_four_bytes(&info->PixelInformation))
            return -EINVAL;
        fb->format = BOOTINFO_PIXEL_MASK;
        fb->red_mask = info->PixelInformation.RedMask;
        fb->green_mask = info->PixelInformation.GreenMask;
        fb->blue_mask = info->PixelInformation.BlueMask;
        return 0;
    default:
        return -EOPNOTSUPP;
    }
}

int graphics_describe(const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info, uint64_t base,
                      uint64_t size, struct bootinfo_framebuffer *out)
{
    struct bootinfo_framebuffer fb = {
        .base = base,
        .width = info->HorizontalResolution,
        .height = info->VerticalResolution,
        .pixels_per_line = info->PixelsPerScanLine,
    };

    int err = set_format(info, &fb);
    if (err)
        return err;
    if (fb.width < MIN_SIDE || fb.width > MAX_SIDE || fb.height < MIN_SIDE || fb.height > MAX_SIDE)
        return -EINVAL;
    if (fb.pixels_per_line < fb.width || fb.pixels_per_line > 2 * MAX_SIDE)
        return -EINVAL;
    /* Firmware is known to report the size of the whole aperture, or none at all: what the mode
     * needs is what counts, and a size that is too small for it means that something is wrong. */
    fb.size = (uint64_t)fb.pixels_per_line * fb.height * BYTES_A_PIXEL;
    if (size != 0 && size < fb.size)
        return -EINVAL;
    if (base == 0 || base % BYTES_A_PIXEL || base >= PHYS_LIMIT || fb.size > PHYS_LIMIT - base)
        return -EINVAL;
    *out = fb;
    return 0;
}

/* Mode and its description may be missing on a display that is not in use. */
static int describe_current(EFI_GRAPHICS_OUTPUT_PROTOCOL *gop, struct bootinfo_framebuffer *out)
{
    const EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE *mode = gop->Mode;

    if (!mode || !mode->Info)
        return -ENODEV;
    return graphics_describe(mode->Info, mode->FrameBufferBase, mode->FrameBufferSize, out);
}

/* The largest mode that has a framebuffer, or -ENODEV. Its address is known only once it is set,
 * so any address and size are taken for the comparison. */
static int best_mode(EFI_BOOT_SERVICES *bs, EFI_GRAPHICS_OUTPUT_PROTOCOL *gop, uint32_t *best)
{
    uint64_t best_area = 0;

    for (uint32_t i = 0; i < gop->Mode->MaxMode && i < MAX_MODES; i++) {
        EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info;
        struct bootinfo_framebuffer fb;
        UINTN nbytes;

        if (EFI_ERROR(gop->QueryMode(gop, i, &nbytes, &info)))
            continue;
        if (nbytes >= sizeof(*info) && !graphics_describe(info, BYTES_A_PIXEL, 0, &fb) &&
            (uint64_t)fb.width * fb.height > best_area) {
            best_area = (uint64_t)fb.width * fb.height;
            *best = i;
        }
        bs->FreePool(info);
    }
    return best_area ? 0 : -ENODEV;
}

/* After SetMode the address may be another: it is read anew. */
static int change_mode(EFI_BOOT_SERVICES *bs, EFI_GRAPHICS_OUTPUT_PROTOCOL *gop,
                       struct bootinfo_framebuffer *out)
{
    uint32_t mode;

    if (!gop->Mode || best_mode(bs, gop, &mode))
        return -ENODEV;
    if (EFI_ERROR(gop->SetMode(gop, mode)))
        return -ENODEV;
    return describe_current(gop, out);
}

/* Whether a handle is of that rank: the console's own and marked as a device of it, marked only,
 * the console's own only, any other. */
static bool has_rank(EFI_BOOT_SERVICES *bs, EFI_HANDLE console, EFI_HANDLE handle, unsigned rank)
{
    /* UEFI PI console device: EFI_CONSOLE_OUT_DEVICE_GUID of edk2. */
    static EFI_GUID console_device = {
        0xd3b36f2c, 0xd551, 0x11d4, {0x9a, 0x46, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d}};
    void *unused;
    bool marked = !EFI_ERROR(bs->HandleProtocol(handle, &console_device, &unused));

    return rank == (marked ? 0u : 2u) + (handle != console);
}

/* All displays by rank, the first that firmware found before the later ones. */
static unsigned displays_find(EFI_BOOT_SERVICES *bs, EFI_HANDLE console,
                              EFI_GRAPHICS_OUTPUT_PROTOCOL *displays[MAX_DISPLAYS])
{
    static EFI_GUID guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
    EFI_HANDLE *handles;
    unsigned found = 0;
    UINTN count;

    if (EFI_ERROR(bs->LocateHandleBuffer(ByProtocol, &guid, NULL, &count, &handles)))
        return 0;
    count = MIN(count, MAX_DISPLAYS);
    for (unsigned rank = 0; rank < 4; rank++) {
        for (UINTN i = 0; i < count; i++) {
            void *display;

            if (has_rank(bs, console, handles[i], rank) &&
                !EFI_ERROR(bs->HandleProtocol(handles[i], &guid, &display)))
                displays[found++] = display;
        }
    }
    bs->FreePool(handles);
    return found;
}

int graphics_find(EFI_BOOT_SERVICES *bs, EFI_HANDLE console, struct bootinfo_framebuffer *out)
{
    EFI_GRAPHICS_OUTPUT_PROTOCOL *displays[MAX_DISPLAYS];
    unsigned count = displays_find(bs, console, displays);
    int err = -ENODEV;

    *out = (struct bootinfo_framebuffer){.format = BOOTINFO_PIXEL_NONE};
    /* First whatever any display shows already, then a change of mode. */
    for (unsigned i = 0; i < count && err; i++)
        err = describe_current(displays[i], out);
    for (unsigned i = 0; i < count && err; i++)
        err = change_mode(bs, displays[i], out);
    return err ? -ENODEV : 0;
}
