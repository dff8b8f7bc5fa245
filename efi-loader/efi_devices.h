/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/efi_devices.h - the protocols by which firmware's drivers are asked about devices
 *
 * Owns:    those that gnu-efi's headers lack, as far as they are used.
 * Used by: the inventory; tests/quirk and the host tests, which fake them.
 * See:     UEFI 2.10 sections 12.9 (EDID), 13.13 to 13.16 and 15.4 (disks), TCG EFI Protocol
 * Specification.
 */
#pragma once

#include "efi-loader/efi.h"

#define EFI_DISK_INFO_GUID                                                                         \
    {                                                                                              \
        0xd432a67f, 0x14dc, 0x484b,                                                                \
        {                                                                                          \
            0xb3, 0xbb, 0x3f, 0x02, 0x91, 0x84, 0x93, 0x27                                         \
        }                                                                                          \
    }

/* Data that the driver has read when it found the disk. The interface says what the data are: by
 * the first word of its GUID, enough to tell them apart. */
#define EFI_DISK_INFO_IDE  0x5e948fe3u
#define EFI_DISK_INFO_AHCI 0x9e498932u
#define EFI_DISK_INFO_SCSI 0x08f74baau
#define EFI_DISK_INFO_USB  0xcb871572u

struct efi_disk_info {
    EFI_GUID interface;
    EFI_STATUS(EFIAPI *inquiry)(struct efi_disk_info *self, VOID *data, UINT32 *nbytes);
    EFI_STATUS(EFIAPI *identify)(struct efi_disk_info *self, VOID *data, UINT32 *nbytes);
    VOID *sense_data, *which_ide;
};

#define EFI_NVME_PASS_THRU_GUID                                                                    \
    {                                                                                              \
        0x52c78312, 0x8edc, 0x4233,                                                                \
        {                                                                                          \
            0x98, 0xf2, 0x1a, 0x1a, 0xa5, 0xe3, 0x88, 0xa5                                         \
        }                                                                                          \
    }

struct efi_nvme_command {
    UINT32 opcode;
    UINT8 valid; /* which of the words count */
    UINT32 nsid;
    UINT32 cdw2, cdw3, cdw10, cdw11, cdw12, cdw13, cdw14, cdw15;
};
#define EFI_NVME_CDW10_VALID 0x04

struct efi_nvme_completion {
    UINT32 dw[4];
};

struct efi_nvme_packet {
    UINT64 timeout; /* 100 ns */
    VOID *data;
    UINT32 data_nbytes;
    VOID *metadata;
    UINT32 metadata_nbytes;
    UINT8 queue; /* 0: admin */
    struct efi_nvme_command *command;
    struct efi_nvme_completion *completion;
};

struct efi_nvme_pass_thru {
    VOID *mode;
    EFI_STATUS(EFIAPI *pass_thru)
    (struct efi_nvme_pass_thru *self, UINT32 nsid, struct efi_nvme_packet *packet, EFI_EVENT event);
    VOID *get_next_namespace, *build_device_path, *get_namespace;
};

#define EFI_ATA_PASS_THRU_GUID                                                                     \
    {                                                                                              \
        0x1d3de7f0, 0x0807, 0x424f,                                                                \
        {                                                                                          \
            0xaa, 0x69, 0x11, 0xa5, 0x4e, 0x19, 0xa4, 0x6f                                         \
        }                                                                                          \
    }

/* Command and status: the registers of the drive, in the order of a SATA frame. */
struct efi_ata_block {
    UINT8 reserved[2];
    UINT8 command, feature; /* status and error, when it comes back */
    UINT8 lba_low, lba_mid, lba_high, device;
    UINT8 lba_low_ext, lba_mid_ext, lba_high_ext, feature_ext;
    UINT8 count, count_ext;
    UINT8 reserved_2[6];
};

struct efi_ata_packet {
    struct efi_ata_block *status; /* aligned as the driver requires it: a page is enough */
    struct efi_ata_block *command;
    UINT64 timeout; /* 100 ns */
    VOID *in, *out;
    UINT32 in_nbytes, out_nbytes;
    UINT8 protocol, length;
};
#define EFI_ATA_NON_DATA       0x02
#define EFI_ATA_PIO_IN         0x04
#define EFI_ATA_LENGTH_NONE    0x00
#define EFI_ATA_LENGTH_SECTORS 0xa0 /* in bytes, and the sector count says so, too */

struct efi_ata_pass_thru {
    VOID *mode;
    EFI_STATUS(EFIAPI *pass_thru)
    (struct efi_ata_pass_thru *self, UINT16 port, UINT16 multiplier_port,
     struct efi_ata_packet *packet, EFI_EVENT event);
    VOID *get_next_port, *get_next_device, *build_device_path;
    EFI_STATUS(EFIAPI *get_device)
    (struct efi_ata_pass_thru *self, EFI_DEVICE_PATH *path, UINT16 *port, UINT16 *multiplier_port);
    VOID *reset_port, *reset_device;
};

#define EFI_SCSI_IO_GUID                                                                           \
    {                                                                                              \
        0x932f47e6, 0x2362, 0x4002,                                                                \
        {                                                                                          \
            0x80, 0x3e, 0x3c, 0xd5, 0x4b, 0x13, 0x8f, 0x85                                         \
        }                                                                                          \
    }

struct efi_scsi_packet {
    UINT64 timeout; /* 100 ns */
    VOID *in, *out, *sense;
    UINT8 *command;
    UINT32 in_nbytes, out_nbytes;
    UINT8 command_nbytes, direction; /* 0: in */
    UINT8 adapter_status, target_status;
    UINT8 sense_nbytes;
};

struct efi_scsi_io {
    VOID *get_type, *get_location, *reset_bus, *reset_device;
    EFI_STATUS(EFIAPI *execute)
    (struct efi_scsi_io *self, struct efi_scsi_packet *packet, EFI_EVENT event);
    UINT32 io_align; /* a page is enough */
};

#define EFI_EDID_ACTIVE_GUID                                                                       \
    {                                                                                              \
        0xbd8c1056, 0x9f36, 0x44ec,                                                                \
        {                                                                                          \
            0x92, 0xa8, 0xa6, 0x33, 0x7f, 0x81, 0x79, 0x86                                         \
        }                                                                                          \
    }
#define EFI_EDID_DISCOVERED_GUID                                                                   \
    {                                                                                              \
        0x1c0c34f6, 0xd380, 0x41fa,                                                                \
        {                                                                                          \
            0xa0, 0x49, 0x8a, 0xd0, 0x6c, 0x1a, 0x66, 0xaa                                         \
        }                                                                                          \
    }

struct efi_edid {
    UINT32 nbytes;
    UINT8 *bytes;
};

#define EFI_TCG2_GUID                                                                              \
    {                                                                                              \
        0x607f766c, 0x7455, 0x42be,                                                                \
        {                                                                                          \
            0x93, 0x0b, 0xe4, 0xd7, 0x6d, 0xb2, 0x72, 0x0f                                         \
        }                                                                                          \
    }
/* Of TPM 1.2: only whether it is there. */
#define EFI_TCG_GUID                                                                               \
    {                                                                                              \
        0xf541796d, 0xa62e, 0x4954,                                                                \
        {                                                                                          \
            0xa7, 0x75, 0x95, 0x84, 0xf6, 0x1b, 0x9c, 0xdd                                         \
        }                                                                                          \
    }

struct efi_tcg2_capability {
    UINT8 nbytes;
    UINT8 structure_version[2], protocol_version[2];
    UINT32 hash_algorithms, event_logs;
    BOOLEAN present;
    UINT16 max_command, max_response;
    UINT32 manufacturer; /* four letters, the first in the highest byte */
    UINT32 pcr_banks, active_pcr_banks;
};

struct efi_tcg2 {
    EFI_STATUS(EFIAPI *get_capability)
    (struct efi_tcg2 *self, struct efi_tcg2_capability *capability);
};

_Static_assert(sizeof(struct efi_nvme_command) == 44, "UEFI 2.10, 13.16");
_Static_assert(sizeof(struct efi_nvme_packet) == 56, "UEFI 2.10, 13.16");
_Static_assert(sizeof(struct efi_ata_block) == 20, "UEFI 2.10, 13.13");
_Static_assert(sizeof(struct efi_ata_packet) == 56, "UEFI 2.10, 13.13");
_Static_assert(sizeof(struct efi_scsi_packet) == 56, "UEFI 2.10, 15.4");
_Static_assert(sizeof(struct efi_tcg2_capability) == 36, "TCG EFI Protocol Specification, 6.4");
