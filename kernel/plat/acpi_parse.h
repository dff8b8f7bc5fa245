/* SPDX-License-Identifier: MIT */
/*
 * plat/acpi_parse.h - what the ACPI tables say, as plain values
 *
 * Owns:    the decoding of single tables from bytes in memory. No mapping, no I/O.
 * Rule:    every byte of a table is doubtful: lengths are bounded before use, checksums come
 *          first, an entry that does not fit ends the walk, numbers beyond our arrays are counted
 *          as dropped.
 * Context: any; pure.
 * Fails:   -EINVAL for a table that is not what it should be; the output keeps what it had.
 * Source:  ACPI specification 6.5, chapters 5 and 16.
 * Tests:   tests/host/plat_acpi_test.c
 */
#pragma once

#include "kernel/lib/util.h"

#define ACPI_MAX_CPUS      512
#define ACPI_MAX_IOAPICS   16
#define ACPI_MAX_OVERRIDES 24
#define ACPI_MAX_NMIS      16

#define ACPI_TABLE_MAX_SIZE (16u << 20) /* larger lengths are taken for rubbish */
#define ACPI_HEADER_SIZE    36u

enum acpi_space {
    ACPI_SPACE_MEMORY = 0,
    ACPI_SPACE_IO = 1,
    ACPI_SPACE_PCI = 2,
};

/* A generic address; address 0 means "there is none". */
struct acpi_register {
    uint64_t address;
    uint8_t space; /* enum acpi_space, or another number of the specification */
    uint8_t width; /* bits */
};

struct acpi_cpu {
    uint32_t apic_id;
    uint32_t uid;
    bool enabled;        /* can be started now */
    bool online_capable; /* could be added while running */
};

struct acpi_ioapic {
    uint32_t id;
    uint32_t gsi_base;
    uint64_t address;
};

struct acpi_override {
    uint8_t irq;    /* ISA interrupt */
    uint32_t gsi;   /* where it arrives */
    uint16_t flags; /* polarity in bits 0-1, trigger mode in bits 2-3, as in the MADT */
};

struct acpi_nmi {
    uint32_t uid; /* of the processor; ACPI_UID_ALL for all of them */
    uint16_t flags;
    uint8_t lint; /* 0 or 1 */
};
#define ACPI_UID_ALL 0xffffffffu

struct acpi_info {
    bool found; /* the root table was good; else everything below is zero */

    /* MADT */
    bool madt;
    bool legacy_pic;        /* two 8259s are there as well */
    uint64_t lapic_address; /* registers of the local APIC, physical */
    uint32_t ncpus, nioapics, noverrides, nnmis;
    uint32_t ndropped;        /* entries for which there was no room */
    uint32_t cpus_dropped;    /* of them, processors that are enabled ... */
    uint32_t dropped_apic_id; /* ... and the first one's number */
    uint32_t madt_cut;        /* offset of an entry that does not fit: the walk's end; 0: none */
    struct acpi_cpu cpus[ACPI_MAX_CPUS];
    struct acpi_ioapic ioapics[ACPI_MAX_IOAPICS];
    struct acpi_override overrides[ACPI_MAX_OVERRIDES];
    struct acpi_nmi nmis[ACPI_MAX_NMIS];

    /* FADT */
    bool fadt;
    bool hardware_reduced;
    bool no_rtc;     /* no CMOS clock */
    bool has_8042;   /* keyboard controller, which can also reset the machine */
    uint8_t century; /* CMOS register of the century, 0 if none */
    uint16_t sci;
    uint32_t smi_command; /* port; writing acpi_enable there turns ACPI mode on */
    uint8_t acpi_enable;
    uint16_t pm_timer_port; /* 3.579545 MHz; 0 if none */
    bool pm_timer_32bit;    /* else it wraps at 24 bits */
    struct acpi_register pm1a_control, pm1b_control, sleep_control;
    struct acpi_register reset;
    uint8_t reset_value;
    uint64_t dsdt; /* physical address */

    /* DSDT or an SSDT: the \_S5_ package, read without an interpreter */
    bool s5;
    uint8_t s5_type_a, s5_type_b;

    /* HPET */
    uint64_t hpet_address; /* memory; 0 if none */
};

/* Signature as given, length in the header between ACPI_HEADER_SIZE and nbytes, and the bytes of
 * that length add up to zero. */
bool acpi_table_valid(const void *table, size_t nbytes, const char signature[4]);

/* The length that a header of ACPI_HEADER_SIZE bytes claims; 0 if implausible. */
uint32_t acpi_table_length(const void *header);

/* Physical addresses of the root tables, 0 for one that is not there. */
struct acpi_roots {
    uint64_t xsdt; /* 8-byte entries; preferred */
    uint64_t rsdt; /* 4-byte entries */
};

/* The root pointer, of which nbytes can be read. */
#define ACPI_RSDP_SIZE 36u
MUST_CHECK int acpi_parse_rsdp(const void *rsdp, size_t nbytes, struct acpi_roots *roots);

/* Entries of a root table, and the physical address in one of them. */
size_t acpi_root_count(size_t nbytes, unsigned entry_size);
uint64_t acpi_root_entry(const void *root, size_t index, unsigned entry_size);

/* Each takes a whole table whose signature and checksum are checked here. */
MUST_CHECK int acpi_parse_madt(const void *table, size_t nbytes, struct acpi_info *info);
MUST_CHECK int acpi_parse_fadt(const void *table, size_t nbytes, struct acpi_info *info);
MUST_CHECK int acpi_parse_hpet(const void *table, size_t nbytes, struct acpi_info *info);

/* Looks for the sleep types of \_S5_; SSDTs may hold it too. -EINVAL if it is not there. */
MUST_CHECK int acpi_parse_s5(const void *table, size_t nbytes, struct acpi_info *info);
