/* SPDX-License-Identifier: MIT */
/*
 * tests/host/loader_volume.h - a volume that can be written, EFI variables, and a person at the
 * keys
 *
 * Owns:    what the reports of the loader need beside loader_fake.h: \firstlight\reports in memory,
 *          runtime services, console input.
 * Rule:    every failure is asked for by a field of the_volume; handles and memory are counted.
 */
#pragma once

#include "tests/host/loader_fake.h"

#include "efi-loader/files.h"
#include "shared/report.h"

#define VOLUME_FILES     12
#define VOLUME_FILE_SIZE 36000
#define VOLUME_VARIABLES 6

struct volume_file {
    char name[16]; /* "": not there */
    char data[VOLUME_FILE_SIZE];
    size_t size;
};

struct volume_variable {
    CHAR16 name[32];
    unsigned char data[2048];
    size_t size; /* 0: not there */
};

struct volume {
    struct volume_file files[VOLUME_FILES];
    bool directory; /* \firstlight\reports is there */
    bool write_protected;
    size_t room; /* bytes that can still be written */
    EFI_STATUS read_status;
    bool short_writes; /* a full volume is not reported but by the number written */
    bool endless;      /* the directory never ends */
    struct volume_variable variables[VOLUME_VARIABLES];
    EFI_STATUS set_status;
    EFI_STATUS time_status;
    unsigned open_handles, flushes;
    unsigned key_after; /* polls until a key is pressed; 0: none ever */
    unsigned polls, stalls;
    unsigned resets;
    EFI_RESET_TYPE last_reset;
    jmp_buf reset; /* where ResetSystem goes */
    bool reset_returns;
};

extern struct volume the_volume;
extern struct files the_volume_files;

/* As cmocka's setup and teardown. */
int volume_set_up(void **state);
int volume_tear_down(void **state);

struct volume_file *volume_find(const char *name);
void volume_put(const char *name, const char *text);
/* Variable number `index` of a report with this header's fields and text; the rest is filled in. */
void volume_put_variable(unsigned index, struct report_header header, const char *text);
unsigned volume_variables(void); /* how many there are */
