/* SPDX-License-Identifier: MIT */
/*
 * plat/mca_banks.h - the machine-check banks of this processor
 *
 * Owns:    the registers in which a processor keeps the hardware errors that it has seen.
 * Used by: plat/mca.c. Nothing else reads or writes them.
 * Context: any, on the processor that is meant; no locks, no memory.
 * Source:  Intel SDM vol. 3, chapter "Machine-check architecture", sections "Machine-check MSRs",
 *          "Machine-check initialization" and "Guidelines for writing machine-check software"; AMD
 *          APM vol. 2, chapter "Machine check architecture".
 * Tests:   tests/host/plat_mca_test.c
 */
#pragma once

#include "kernel/lib/util.h"

struct mca_record {
    unsigned cpu, bank;
    uint64_t status;
    uint64_t address, misc; /* 0 where the status says that there is none */
};

/* 0: the processor has no machine-check architecture. */
unsigned mca_banks_count(void);

/* All errors that the banks know are looked for and reported. What a bank holds stays. */
void mca_banks_enable(void);

/* False: the bank holds no error. */
bool mca_bank_read(unsigned bank, struct mca_record *record);
/* The bank is free for the next one. */
void mca_bank_clear(unsigned bank);

/* The processor could not put it right: data or state is wrong. */
bool mca_is_uncorrected(const struct mca_record *record);

#define MCA_TEXT_SIZE 128
/* "processor 0 bank 2: status 9c00..., address 1000, misc 0"; the length. */
size_t mca_format(const struct mca_record *record, char *text, size_t size);
