/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/disks.h - what firmware's drivers know of a disk, and what the disk says of its health
 *
 * Used by: inventory.c.
 * Rule:    nothing is written, started or set; a protocol that another driver has for itself is
 *          left alone. All that comes back is bounded here, whatever it contains.
 * Tests:   tests/host/loader_inventory_test.c, tests/quirk, tests/system/test_inventory.py
 */
#pragma once

#include "efi-loader/efi.h"
#include "efi-loader/text.h"

enum disk_kind {
    DISK_NONE = 0, /* a partition, or nothing that can be described */
    DISK_IN_USE,   /* another driver has it for itself */
    DISK_FOUND,
};

enum disk_health {
    DISK_HEALTH_NONE = 0, /* not to be had from this firmware or this disk */
    DISK_HEALTH_ASKED,    /* no answer (yet) */
    DISK_HEALTH_FAILED,   /* an error instead of one */
    DISK_HEALTH_OFF,      /* SMART is switched off */
    DISK_HEALTH_NVME,
    DISK_HEALTH_ATA,
};

#define DISK_MODEL  40
#define DISK_SERIAL 20  /* of ATA and NVMe */
#define DISK_NUMBER 36  /* the longest that is kept */
#define DISK_LOG    512 /* of the NVMe health log, and of SMART data */
#define DISK_PAGE   4096

struct disk {
    enum disk_kind kind;
    const char *bus;
    EFI_BLOCK_IO_MEDIA media;
    char model[DISK_MODEL], serial[DISK_NUMBER], firmware[8];
    enum disk_health health;
    EFI_STATUS error; /* of an answer that failed */
    bool has_smart_data;
    uint8_t smart_status[2];
    uint8_t log[DISK_LOG];
};

struct disk_question {
    EFI_BOOT_SERVICES *bs;
    EFI_HANDLE handle;
    struct disk *disk;            /* zeroed by the caller */
    void (*before_health)(void);  /* called before the disk itself is asked */
    EFI_DEVICE_PATH *path, *last; /* whole, and its last node; NULL: none */
    uint8_t (*page)[DISK_PAGE];   /* for answers: two aligned pages */
};

/* A struct disk_question. */
void disk_ask(void *argument);

/* As members of a JSON object, the first of which is its number. */
void disk_write(struct text *out, const struct disk *disk, unsigned number);

/* --- between disks.c and disk_health.c --- */

/* 512 bytes as ATA's IDENTIFY gives them. */
void disk_take_identify(struct disk *disk, const uint8_t *identify);
/* Asks the disk itself. identify: that of an ATA disk, NULL if it is not known yet. */
void disk_ask_health(struct disk_question *question, const uint8_t *identify);
void disk_write_health(struct text *out, const struct disk *disk);
