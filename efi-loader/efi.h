/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/efi.h - the UEFI definitions that the loader uses
 *
 * Owns:    the one place where gnu-efi's headers are included, and what they lack.
 * Used by: every file here that talks to the firmware; the fake firmware of the host tests.
 * Rule:    no code of gnu-efi is linked, only its declarations are used.
 */
#pragma once

#include "kernel/lib/util.h"

#include <efi.h>

/* UEFI 2.10 section 7.2: attributes and types newer than the headers. */
#if !defined(EFI_MEMORY_RO)
#define EFI_MEMORY_RO 0x0000000000020000ULL
#endif
#if !defined(EFI_MEMORY_SP)
#define EFI_MEMORY_SP 0x0000000000040000ULL
#endif
#define EFI_PERSISTENT_MEMORY 14
#define EFI_UNACCEPTED_MEMORY 15

/* UEFI 2.10 section 37.1. Present on firmware that maps nothing both writable and executable. */
#define EFI_MEMORY_ATTRIBUTE_PROTOCOL_GUID                                                         \
    {                                                                                              \
        0xf4560cf6, 0x40ec, 0x4b4a,                                                                \
        {                                                                                          \
            0xa1, 0x92, 0xbf, 0x1d, 0x57, 0xd0, 0xb1, 0x89                                         \
        }                                                                                          \
    }

struct efi_memory_attribute {
    EFI_STATUS(EFIAPI *get)
    (struct efi_memory_attribute *self, EFI_PHYSICAL_ADDRESS base, UINT64 length, UINT64 *out);
    EFI_STATUS(EFIAPI *set)
    (struct efi_memory_attribute *self, EFI_PHYSICAL_ADDRESS base, UINT64 length, UINT64 bits);
    EFI_STATUS(EFIAPI *clear)
    (struct efi_memory_attribute *self, EFI_PHYSICAL_ADDRESS base, UINT64 length, UINT64 bits);
};

/* Tag that EDK II puts on the handle of every device that shows what ConOut prints. */
#define EFI_CONSOLE_OUT_DEVICE_GUID                                                                \
    {                                                                                              \
        0xd3b36f2c, 0xd551, 0x11d4,                                                                \
        {                                                                                          \
            0x9a, 0x46, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d                                         \
        }                                                                                          \
    }
