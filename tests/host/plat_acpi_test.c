/* SPDX-License-Identifier: MIT */
/*
 * tests/host/plat_acpi_test.c - ACPI tables, good ones and all kinds of broken ones
 *
 * Every table is handed over in an allocation of exactly its size, so that the address sanitizer
 * sees each byte read too far.
 *
 * Long because each kind of table needs a builder.
 */
#include "tests/host/plat_fake.h"

#include "kernel/plat/acpi.h"
#include "kernel/plat/cpu_census.h"
#include "shared/linux/errno.h"

#include <time.h>

#define TABLE_MAX 16384

/* ---- Building tables ---------------------------------------------------------------------- */

struct table {
    uint8_t bytes[TABLE_MAX];
    size_t size;
};

static void put(struct table *table, size_t at, uint64_t value, unsigned nbytes)
{
    for (unsigned i = 0; i < nbytes; i++)
        table->bytes[at + i] = (uint8_t)(value >> (8 * i));
}

static void add(struct table *table, uint64_t value, unsigned nbytes)
{
    put(table, table->size, value, nbytes);
    table->size += nbytes;
}

static void sum_fix(uint8_t *bytes, size_t nbytes, size_t at)
{
    uint8_t sum = 0;

    bytes[at] = 0;
    for (size_t i = 0; i < nbytes; i++)
        sum = (uint8_t)(sum + bytes[i]);
    bytes[at] = (uint8_t)-sum;
}

static void seal(struct table *table)
{
    put(table, 4, table->size, 4);
    sum_fix(table->bytes, table->size, 9);
}

static void begin(struct table *table, const char *signature, size_t size)
{
    memset(table, 0, sizeof(*table));
    memcpy(table->bytes, signature, 4);
    table->size = size;
}

static int parse(int (*parser)(const void *, size_t, struct acpi_info *), const struct table *table,
                 struct acpi_info *info)
{
    void *exact = malloc(table->size);
    int err;

    memcpy(exact, table->bytes, table->size);
    err = parser(exact, table->size, info);
    free(exact);
    return err;
}

/* ---- Root pointer ------------------------------------------------------------------------- */

static void rsdp_make(uint8_t rsdp[36], uint8_t revision, uint32_t rsdt, uint64_t xsdt)
{
    memset(rsdp, 0, 36);
    memcpy(rsdp, "RSD PTR ", 8);
    rsdp[15] = revision;
    memcpy(rsdp + 16, &rsdt, 4);
    sum_fix(rsdp, 20, 8);
    rsdp[20] = 36;
    memcpy(rsdp + 24, &xsdt, 8);
    sum_fix(rsdp, 36, 32);
}

static void rsdp_both_versions(void **state)
{
    struct acpi_roots roots = {0};
    uint8_t rsdp[36];

    (void)state;
    rsdp_make(rsdp, 2, 0x1000, 0x123456789000);
    assert_int_equal(acpi_parse_rsdp(rsdp, 36, &roots), 0);
    assert_true(roots.rsdt == 0x1000 && roots.xsdt == 0x123456789000);

    rsdp_make(rsdp, 0, 0x2000, 0x123456789000);
    assert_int_equal(acpi_parse_rsdp(rsdp, 20, &roots), 0);
    assert_true(roots.rsdt == 0x2000 && roots.xsdt == 0);
}

static void rsdp_broken(void **state)
{
    struct acpi_roots roots = {.xsdt = 7};
    uint8_t rsdp[36];

    (void)state;
    rsdp_make(rsdp, 2, 0x1000, 0x2000);
    rsdp[30] ^= 1; /* second half only: the first still stands */
    assert_int_equal(acpi_parse_rsdp(rsdp, 36, &roots), 0);
    assert_true(roots.rsdt == 0x1000 && roots.xsdt == 0);

    rsdp_make(rsdp, 2, 0x1000, 0x2000);
    rsdp[20] = 200; /* longer than can be read */
    assert_int_equal(acpi_parse_rsdp(rsdp, 36, &roots), 0);
    assert_true(roots.xsdt == 0);

    roots.xsdt = 7;
    rsdp_make(rsdp, 2, 0x1000, 0x2000);
    rsdp[17] ^= 1;
    assert_int_equal(acpi_parse_rsdp(rsdp, 36, &roots), -EINVAL);
    rsdp_make(rsdp, 2, 0x1000, 0x2000);
    rsdp[0] = 'X';
    sum_fix(rsdp, 20, 8);
    assert_int_equal(acpi_parse_rsdp(rsdp, 36, &roots), -EINVAL);
    rsdp_make(rsdp, 0, 0, 0);
    assert_int_equal(acpi_parse_rsdp(rsdp, 36, &roots), -EINVAL);
    assert_int_equal(acpi_parse_rsdp(rsdp, 19, &roots), -EINVAL);
    assert_true(roots.xsdt == 7);
}

/* ---- MADT --------------------------------------------------------------------------------- */

static void madt_begin(struct table *table)
{
    begin(table, "APIC", 44);
    put(table, 36, 0xfee00000, 4);
    put(table, 40, 1, 4);
}

static void madt_cpu(struct table *table, uint8_t uid, uint8_t id, uint32_t flags)
{
    add(table, 0, 1), add(table, 8, 1), add(table, uid, 1), add(table, id, 1);
    add(table, flags, 4);
}

static void madt_x2apic(struct table *table, uint32_t uid, uint32_t id, uint32_t flags)
{
    add(table, 9, 1), add(table, 16, 1), add(table, 0, 2), add(table, id, 4);
    add(table, flags, 4), add(table, uid, 4);
}

static void madt_full(struct table *table)
{
    madt_begin(table);
    madt_cpu(table, 1, 0, 1);
    madt_cpu(table, 2, 2, 2);
    madt_cpu(table, 3, 4, 0);    /* empty socket */
    madt_cpu(table, 4, 0xff, 1); /* nobody's identity */
    madt_x2apic(table, 1, 0, 1); /* the first one again */
    madt_x2apic(table, 300, 300, 1);
    add(table, 0x0c01, 2), add(table, 5, 1), add(table, 0, 1); /* I/O APIC */
    add(table, 0xfec00000, 4), add(table, 24, 4);
    add(table, 0x0a02, 2), add(table, 0, 1), add(table, 9, 1); /* override */
    add(table, 20, 4), add(table, 0xd, 2);
    add(table, 0x0604, 2), add(table, 0xff, 1), add(table, 5, 2), add(table, 1, 1); /* NMI */
    add(table, 0x0c0a, 2), add(table, 5, 2), add(table, 300, 4), add(table, 0, 1);
    add(table, 0, 3);
    add(table, 0x0c05, 2), add(table, 0, 2), add(table, 0x1fee00000, 8); /* address */
    add(table, 0x047f, 2), add(table, 0, 2);                             /* unknown type */
    seal(table);
}

static void madt_everything(void **state)
{
    struct acpi_info info = {0};
    struct table table;

    (void)state;
    madt_full(&table);
    assert_int_equal(parse(acpi_parse_madt, &table, &info), 0);
    assert_true(info.madt && info.legacy_pic);
    assert_true(info.lapic_address == 0x1fee00000);
    assert_int_equal(info.ncpus, 3);
    assert_true(info.cpus[0].apic_id == 0 && info.cpus[0].uid == 1 && info.cpus[0].enabled);
    assert_true(info.cpus[1].apic_id == 2 && !info.cpus[1].enabled && info.cpus[1].online_capable);
    assert_true(info.cpus[2].apic_id == 300 && info.cpus[2].uid == 300);
    assert_int_equal(info.nioapics, 1);
    assert_true(info.ioapics[0].id == 5 && info.ioapics[0].address == 0xfec00000 &&
                info.ioapics[0].gsi_base == 24);
    assert_int_equal(info.noverrides, 1);
    assert_true(info.overrides[0].irq == 9 && info.overrides[0].gsi == 20 &&
                info.overrides[0].flags == 0xd);
    assert_int_equal(info.nnmis, 2);
    assert_true(info.nmis[0].uid == ACPI_UID_ALL && info.nmis[0].lint == 1);
    assert_true(info.nmis[1].uid == 300 && info.nmis[1].lint == 0);
    assert_int_equal(info.ndropped, 0);

    /* A second one is not mixed in. */
    assert_int_equal(parse(acpi_parse_madt, &table, &info), -EINVAL);
    assert_int_equal(info.ncpus, 3);
}

static void madt_bad_entries(void **state)
{
    static const uint16_t tails[] = {0x0000 /* size 0 */, 0x0100, 0x0800 /* cut */, 0xff00};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
        struct acpi_info info = {0};
        struct table table;

        madt_begin(&table);
        madt_cpu(&table, 1, 7, 1);
        add(&table, tails[i], 2);
        seal(&table);
        assert_int_equal(parse(acpi_parse_madt, &table, &info), 0);
        assert_int_equal(info.ncpus, 1);
    }
    /* An entry too small for its type is passed over, what follows it is read. */
    struct acpi_info info = {0};
    struct table table;

    madt_begin(&table);
    add(&table, 0x0400, 2), add(&table, 0x0100, 2);
    madt_cpu(&table, 1, 7, 1);
    seal(&table);
    assert_int_equal(parse(acpi_parse_madt, &table, &info), 0);
    assert_int_equal(info.ncpus, 1);
    assert_int_equal(info.cpus[0].apic_id, 7);
}

static void madt_too_many(void **state)
{
    struct acpi_info info = {0};
    struct table table;

    (void)state;
    madt_begin(&table);
    for (uint32_t i = 0; i < ACPI_MAX_CPUS + 10; i++)
        madt_x2apic(&table, i, i, 1);
    seal(&table);
    assert_int_equal(parse(acpi_parse_madt, &table, &info), 0);
    assert_int_equal(info.ncpus, ACPI_MAX_CPUS);
    assert_int_equal(info.ndropped, 10);
}

/* A census of so many processors with APIC ids from `first` on, and the first of them running. */
static void census_of(uint32_t count, uint32_t first, struct acpi_info *info,
                      struct cpu_census *census)
{
    struct table table;

    madt_begin(&table);
    for (uint32_t i = 0; i < count; i++)
        madt_x2apic(&table, i, first + i, 1);
    seal(&table);
    *info = (struct acpi_info){0};
    assert_int_equal(parse(acpi_parse_madt, &table, info), 0);
    cpu_census_begin(census, info, first);
}

/* As plat/smp.c does it, on a machine where all but the mute ones answer. */
static void census_run(struct cpu_census *census, const struct acpi_info *info,
                       const struct cpu_limits *limits, uint32_t mute)
{
    for (uint32_t i = 0; i < info->ncpus; i++) {
        enum cpu_fate fate;

        if (census->fates[i] != CPU_FATE_SILENT)
            continue;
        fate = cpu_census_decide(census, limits, info->cpus[i].apic_id);
        if (fate == CPU_FATE_RUNS && info->cpus[i].apic_id == mute)
            fate = CPU_FATE_SILENT;
        census->running += fate == CPU_FATE_RUNS;
        census->fates[i] = (uint8_t)fate;
    }
}

#define NOBODY 0xffffffffu
static const struct cpu_limits ample = {.supported = 256, .wanted = 512, .x2apic = true};

static void census_whole(void **state)
{
    struct acpi_info info;
    struct cpu_census census;
    char reason[200];

    (void)state;
    census_of(4, 0, &info, &census);
    /* Nothing has been started: nothing is taken for running but the first. */
    assert_false(cpu_census_check(&census, &info, reason, sizeof(reason)));
    assert_string_equal(reason, "APIC id 1 does not answer; APIC id 2 does not answer; "
                                "APIC id 3 does not answer");
    census_run(&census, &info, &ample, NOBODY);
    assert_int_equal(census.running, 4);
    assert_int_equal(census.enabled, 4);
    assert_true(cpu_census_check(&census, &info, reason, sizeof(reason)));
    /* Nothing is known of a machine without a MADT. */
    info = (struct acpi_info){0};
    cpu_census_begin(&census, &info, 0);
    assert_false(census.known);
    assert_true(cpu_census_check(&census, &info, reason, sizeof(reason)));
}

static void census_missing(void **state)
{
    struct acpi_info info;
    struct cpu_census census;
    struct cpu_limits few = {.supported = 2, .wanted = 512, .x2apic = true};
    char reason[400];

    (void)state;
    census_of(4, 0, &info, &census);
    census_run(&census, &info, &ample, 2);
    assert_int_equal(census.running, 3);
    assert_false(cpu_census_check(&census, &info, reason, sizeof(reason)));
    assert_string_equal(reason, "APIC id 2 does not answer");
    census_of(4, 0, &info, &census);
    census_run(&census, &info, &few, NOBODY);
    assert_false(cpu_census_check(&census, &info, reason, sizeof(reason)));
    assert_string_equal(reason, "APIC id 2 is beyond the kernel's limit; "
                                "APIC id 3 is beyond the kernel's limit");
    /* Many of them: some names, then a number; and a short buffer is not overrun. */
    census_of(100, 0, &info, &census);
    census_run(&census, &info, &few, NOBODY);
    assert_false(cpu_census_check(&census, &info, reason, sizeof(reason)));
    assert_non_null(strstr(reason, "APIC id 9 is beyond"));
    assert_null(strstr(reason, "APIC id 10 "));
    assert_non_null(strstr(reason, "; and 90 more"));
    for (size_t size = 1; size < 60; size++) {
        memset(reason, 'x', sizeof(reason));
        assert_false(cpu_census_check(&census, &info, reason, size));
        assert_true(strnlen(reason, size) < size);
        assert_int_equal(reason[size], 'x');
    }
}

/* The option is a choice; it does not hide what could not have been started anyway. */
static void census_option(void **state)
{
    struct acpi_info info;
    struct cpu_census census;
    struct cpu_limits one = {.supported = 256, .wanted = 1, .x2apic = false};
    char reason[200];

    (void)state;
    census_of(3, 253, &info, &census);
    census_run(&census, &info, &one, NOBODY);
    assert_int_equal(census.running, 1);
    assert_int_equal(cpu_census_count(&census, CPU_FATE_OPTION), 1);
    assert_false(cpu_census_check(&census, &info, reason, sizeof(reason)));
    assert_string_equal(reason, "APIC id 255 does not fit into xAPIC mode");
}

static void census_apic_ids(void **state)
{
    struct acpi_info info;
    struct cpu_census census;
    struct cpu_limits xapic = {.supported = 256, .wanted = 512, .x2apic = false};
    char reason[200];

    (void)state;
    /* Shortened to eight bits, 256 would be the first processor's own. */
    assert_int_equal(cpu_census_decide(&(struct cpu_census){.running = 1}, &xapic, 254),
                     CPU_FATE_RUNS);
    assert_int_equal(cpu_census_decide(&(struct cpu_census){.running = 1}, &xapic, 255),
                     CPU_FATE_APIC_ID);
    assert_int_equal(cpu_census_decide(&(struct cpu_census){.running = 1}, &xapic, 256),
                     CPU_FATE_APIC_ID);
    census_of(256, 2, &info, &census);
    census_run(&census, &info, &xapic, NOBODY);
    assert_int_equal(census.running, 253);
    assert_false(cpu_census_check(&census, &info, reason, sizeof(reason)));
    assert_string_equal(reason, "APIC id 255 does not fit into xAPIC mode; APIC id 256 does not "
                                "fit into xAPIC mode; APIC id 257 does not fit into xAPIC mode");
    census_of(256, 1000, &info, &census);
    census_run(&census, &info, &ample, NOBODY);
    assert_int_equal(census.running, 256);
    assert_true(cpu_census_check(&census, &info, reason, sizeof(reason)));
}

/* What the table says and the list does not hold is told as well. */
static void census_doubtful_table(void **state)
{
    struct acpi_info info;
    struct cpu_census census;
    struct table table;
    char reason[400];

    (void)state;
    census_of(ACPI_MAX_CPUS + 10, 0, &info, &census);
    assert_int_equal(census.enabled, ACPI_MAX_CPUS + 10);
    for (size_t i = 0; i < ACPI_MAX_CPUS; i++)
        census.fates[i] = CPU_FATE_RUNS;
    assert_false(cpu_census_check(&census, &info, reason, sizeof(reason)));
    assert_string_equal(reason, "APIC id 512 is the first of 10 that the list has no room for");

    madt_begin(&table);
    madt_x2apic(&table, 0, 0, 1);
    madt_x2apic(&table, 1, 1, 0); /* an empty socket: no processor */
    madt_x2apic(&table, 2, 2, 2); /* could be added later: none now */
    seal(&table);
    info = (struct acpi_info){0};
    assert_int_equal(parse(acpi_parse_madt, &table, &info), 0);
    cpu_census_begin(&census, &info, 0);
    assert_int_equal(census.enabled, 1);
    assert_true(cpu_census_check(&census, &info, reason, sizeof(reason)));
    cpu_census_begin(&census, &info, 9);
    assert_false(cpu_census_check(&census, &info, reason, sizeof(reason)));
    assert_string_equal(reason, "the MADT does not enable APIC id 9, which runs this; "
                                "APIC id 0 does not answer");

    table.bytes[44 + 16 + 1] = 0; /* the second entry has no length */
    seal(&table);
    info = (struct acpi_info){0};
    assert_int_equal(parse(acpi_parse_madt, &table, &info), 0);
    cpu_census_begin(&census, &info, 0);
    assert_false(cpu_census_check(&census, &info, reason, sizeof(reason)));
    assert_string_equal(reason, "the MADT has a broken entry at byte 60 and no known end");
}

static void header_broken(void **state)
{
    struct acpi_info info = {0};
    struct table table;

    (void)state;
    madt_full(&table);
    table.bytes[60] ^= 1; /* checksum */
    assert_int_equal(parse(acpi_parse_madt, &table, &info), -EINVAL);
    madt_full(&table);
    put(&table, 4, table.size + 1, 4); /* longer than what there is */
    sum_fix(table.bytes, table.size, 9);
    assert_int_equal(parse(acpi_parse_madt, &table, &info), -EINVAL);
    madt_full(&table);
    put(&table, 4, 35, 4); /* shorter than a header */
    sum_fix(table.bytes, 35, 9);
    assert_int_equal(parse(acpi_parse_madt, &table, &info), -EINVAL);
    begin(&table, "APIC", 40); /* a header, but no MADT */
    seal(&table);
    assert_int_equal(parse(acpi_parse_madt, &table, &info), -EINVAL);
    table.size = 10;
    assert_int_equal(parse(acpi_parse_madt, &table, &info), -EINVAL);
    assert_int_equal(parse(acpi_parse_fadt, &table, &info), -EINVAL);
    assert_int_equal(parse(acpi_parse_s5, &table, &info), -EINVAL);
    assert_false(info.madt);
}

/* ---- FADT, HPET --------------------------------------------------------------------------- */

static void put_register(struct table *table, size_t at, uint8_t space, uint64_t address)
{
    put(table, at, space, 1);
    put(table, at + 1, 32, 1);
    put(table, at + 4, address, 8);
}

static void fadt_make(struct table *table, size_t size, uint8_t revision)
{
    begin(table, "FACP", size);
    put(table, 8, revision, 1);
    put(table, 40, 0x7000, 4);
    put(table, 46, 9, 2);
    put(table, 48, 0xb2, 4);
    put(table, 52, 2, 1);
    put(table, 64, 0x604, 4);
    put(table, 76, 0x608, 4);
    put(table, 91, 4, 1);
    put(table, 108, 0x32, 1);
    put(table, 112, 1u << 8 | 1u << 10, 4);
    if (size >= 276) {
        put_register(table, 116, ACPI_SPACE_IO, 0xcf9);
        put(table, 128, 0x0f, 1);
        put(table, 140, 0x8000, 8);
    }
    seal(table);
}

static void fadt_first_revision(void **state)
{
    struct acpi_info info = {0};
    struct table table;

    (void)state;
    fadt_make(&table, 116, 1);
    assert_int_equal(parse(acpi_parse_fadt, &table, &info), 0);
    assert_true(info.fadt && info.has_8042 && !info.no_rtc && !info.hardware_reduced);
    assert_true(info.pm_timer_port == 0x608 && info.pm_timer_32bit);
    assert_true(info.pm1a_control.address == 0x604 && info.pm1a_control.space == ACPI_SPACE_IO);
    assert_true(info.pm1b_control.address == 0);
    assert_true(info.dsdt == 0x7000 && info.sci == 9 && info.century == 0x32);
    assert_true(info.smi_command == 0xb2 && info.acpi_enable == 2);
    assert_true(info.reset.address == 0); /* the flag is set, the field is not there */
}

static void fadt_later_revision(void **state)
{
    struct acpi_info info = {0};
    struct table table;

    (void)state;
    fadt_make(&table, 276, 5);
    put(&table, 109, 1u << 5, 2); /* no RTC, and no 8042 */
    put_register(&table, 208, ACPI_SPACE_IO, 0x1808);
    put_register(&table, 172, ACPI_SPACE_MEMORY, 0xfe000000);
    seal(&table);
    assert_int_equal(parse(acpi_parse_fadt, &table, &info), 0);
    assert_true(info.no_rtc && !info.has_8042);
    assert_true(info.pm_timer_port == 0x1808);
    assert_true(info.pm1a_control.space == ACPI_SPACE_MEMORY);
    assert_true(info.reset.address == 0xcf9 && info.reset_value == 0x0f);
    assert_true(info.dsdt == 0x8000);
}

static void fadt_timer_unusable(void **state)
{
    struct acpi_info info = {0};
    struct table table;

    (void)state;
    fadt_make(&table, 276, 5);
    put_register(&table, 208, ACPI_SPACE_MEMORY, 0xfed00000);
    seal(&table);
    assert_int_equal(parse(acpi_parse_fadt, &table, &info), 0);
    assert_int_equal(info.pm_timer_port, 0);

    info = (struct acpi_info){0};
    fadt_make(&table, 276, 5);
    put(&table, 76, 0x10608, 4); /* beyond the ports */
    seal(&table);
    assert_int_equal(parse(acpi_parse_fadt, &table, &info), 0);
    assert_int_equal(info.pm_timer_port, 0);

    info = (struct acpi_info){0};
    fadt_make(&table, 276, 5);
    put(&table, 112, 1u << 20, 4); /* hardware-reduced: none of the old blocks */
    put_register(&table, 244, ACPI_SPACE_IO, 0x600);
    seal(&table);
    assert_int_equal(parse(acpi_parse_fadt, &table, &info), 0);
    assert_true(info.hardware_reduced && info.pm_timer_port == 0);
    assert_true(info.pm1a_control.address == 0 && info.sleep_control.address == 0x600);
    assert_int_equal(info.reset.address, 0);
}

static void fadt_too_short(void **state)
{
    struct acpi_info info = {0};
    struct table table;

    (void)state;
    fadt_make(&table, 115, 1);
    assert_int_equal(parse(acpi_parse_fadt, &table, &info), -EINVAL);
    assert_false(info.fadt);
}

static void hpet_forms(void **state)
{
    struct acpi_info info = {0};
    struct table table;

    (void)state;
    begin(&table, "HPET", 56);
    put_register(&table, 40, ACPI_SPACE_IO, 0xfed00000);
    seal(&table);
    assert_int_equal(parse(acpi_parse_hpet, &table, &info), -EINVAL);
    begin(&table, "HPET", 56);
    put_register(&table, 40, ACPI_SPACE_MEMORY, 0xfed00000);
    seal(&table);
    assert_int_equal(parse(acpi_parse_hpet, &table, &info), 0);
    assert_true(info.hpet_address == 0xfed00000);
    begin(&table, "HPET", 40); /* cut before the address */
    seal(&table);
    assert_int_equal(parse(acpi_parse_hpet, &table, &info), -EINVAL);
}

/* ---- Sleep types -------------------------------------------------------------------------- */

static int s5_parse(const char *aml, size_t naml, struct acpi_info *info)
{
    struct table table;

    begin(&table, "DSDT", 36);
    memcpy(table.bytes + 36, aml, naml);
    table.size += naml;
    seal(&table);
    *info = (struct acpi_info){0};
    return parse(acpi_parse_s5, &table, info);
}
#define S5(text) s5_parse(text, sizeof(text) - 1, &info)

static void s5_forms(void **state)
{
    struct acpi_info info;

    (void)state;
    assert_int_equal(S5("\x08_S5_\x12\x06\x04\x0a\x05\x0a\x06\x00\x00"), 0);
    assert_true(info.s5 && info.s5_type_a == 5 && info.s5_type_b == 6);
    assert_int_equal(S5("\x08\\_S5_\x12\x06\x04\x00\x01\x00\x00"), 0);
    assert_true(info.s5_type_a == 0 && info.s5_type_b == 1);
    assert_int_equal(S5("junk\x08_S5_\x12\x40\x01\x02\x0b\x07\x00\x0c\x03\x00\x00\x00"), 0);
    assert_true(info.s5_type_a == 7 && info.s5_type_b == 3);
    /* A mention that is no definition, then the definition. */
    assert_int_equal(S5("_S5_\x08_S5_\x11\x08_S5_\x12\x04\x02\x01\x01"), 0);
    assert_true(info.s5_type_a == 1 && info.s5_type_b == 1);
}

static void s5_broken(void **state)
{
    static const char good[] = "\x08_S5_\x12\x0a\x04\x0c\x05\x00\x00\x00\x0c\x05\x00\x00\x00";
    struct acpi_info info;

    (void)state;
    assert_int_equal(S5(""), -EINVAL);
    assert_int_equal(S5("\x08_S5_\x12\x06\x01\x0a\x05\x0a\x05"), -EINVAL); /* one element */
    assert_int_equal(S5("\x08_S5_\x12\x06\x04\x0a\x08\x0a\x05"), -EINVAL); /* not three bits */
    assert_int_equal(S5("\x08_S5_\x12\x06\x04\x0b\x05\x01\x0a\x05"), -EINVAL);
    assert_int_equal(S5("\x08_S5_\x12\x06\x04NAME\x0a\x05"), -EINVAL);
    assert_int_equal(S5("x_S5_\x12\x06\x04\x0a\x05\x0a\x05"), -EINVAL);
    assert_int_equal(S5("\x08_S5_\x12\xc6\x04\x0a\x05\x0a\x05"), -EINVAL); /* length runs out */
    for (size_t cut = 0; cut < sizeof(good) - 1; cut++)
        assert_int_equal(s5_parse(good, cut, &info), -EINVAL);
    assert_int_equal(s5_parse(good, sizeof(good) - 1, &info), 0);
    assert_int_equal(S5("_S5_\x12"), -EINVAL);
}

/* ---- Any bytes ---------------------------------------------------------------------------- */

static uint32_t random_next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Bytes are flipped and the size is changed, then the checksum is mended so that it gets far. */
static void mutate(struct table *table, uint32_t *random)
{
    unsigned nflips = 1 + random_next(random) % 8;

    while (nflips--)
        table->bytes[10 + random_next(random) % (table->size - 10)] = (uint8_t)random_next(random);
    if (random_next(random) % 4 == 0)
        table->size = 36 + random_next(random) % (table->size - 36);
    seal(table);
}

static void mutations(void **state)
{
    uint32_t random = 1;

    (void)state;
    for (unsigned i = 0; i < 30000; i++) {
        struct acpi_info info = {0};
        struct table table;

        switch (i % 3) {
        case 0:
            madt_full(&table);
            mutate(&table, &random);
            (void)!parse(acpi_parse_madt, &table, &info);
            break;
        case 1:
            fadt_make(&table, 276, 5);
            mutate(&table, &random);
            (void)!parse(acpi_parse_fadt, &table, &info);
            break;
        default:
            begin(&table, "DSDT", 36);
            for (unsigned k = 0; k < 8; k++) {
                memcpy(table.bytes + table.size, "\x08_S5_\x12\x06\x04\x0a\x05\x0a\x05", 12);
                table.size += 12;
            }
            mutate(&table, &random);
            (void)!parse(acpi_parse_s5, &table, &info);
            break;
        }
        assert_true(info.ncpus <= ACPI_MAX_CPUS && info.nioapics <= ACPI_MAX_IOAPICS);
        assert_true(info.s5_type_a <= 7 && info.s5_type_b <= 7);
        for (uint32_t k = 0; k < info.nnmis; k++)
            assert_true(info.nmis[k].lint <= 1);
    }
}

/* ---- The whole walk ----------------------------------------------------------------------- */

#define NREGIONS 8

static struct region {
    uint64_t base;
    struct table table;
} memory[NREGIONS];
static void *mapped[128];
static unsigned nmapped;

/* Exactly the bytes asked for, if the made-up memory has them. */
static const void *map_ram(uint64_t physical, size_t nbytes)
{
    for (unsigned i = 0; i < NREGIONS; i++) {
        struct region *region = &memory[i];

        if (!region->base || physical < region->base ||
            physical + nbytes > region->base + region->table.size)
            continue;
        assert_true(nmapped < ARRAY_SIZE(mapped));
        mapped[nmapped] = malloc(nbytes);
        memcpy(mapped[nmapped], region->table.bytes + (physical - region->base), nbytes);
        return mapped[nmapped++];
    }
    return NULL;
}

static int memory_drop(void **state)
{
    (void)state;
    while (nmapped)
        free(mapped[--nmapped]);
    return 0;
}

/* RSDP at 0x100, XSDT 0x1000, RSDT 0x2000, MADT 0x3000, FADT 0x4000, HPET 0x5000, DSDT 0x7000. */
static int memory_make(void **state)
{
    memset(memory, 0, sizeof(memory));
    memory[0].base = 0x100;
    memory[0].table.size = 36;
    rsdp_make(memory[0].table.bytes, 2, 0x2000, 0x1000);
    memory[1].base = 0x1000;
    begin(&memory[1].table, "XSDT", 36);
    memory[2].base = 0x2000;
    begin(&memory[2].table, "RSDT", 36);
    for (unsigned i = 3; i < 6; i++) {
        add(&memory[1].table, i * 0x1000, 8);
        add(&memory[2].table, i * 0x1000, 4);
        memory[i].base = i * 0x1000;
    }
    seal(&memory[1].table);
    seal(&memory[2].table);
    madt_full(&memory[3].table);
    fadt_make(&memory[4].table, 116, 1);
    begin(&memory[5].table, "HPET", 56);
    put_register(&memory[5].table, 40, ACPI_SPACE_MEMORY, 0xfed00000);
    seal(&memory[5].table);
    memory[6].base = 0x7000;
    begin(&memory[6].table, "DSDT", 36);
    memcpy(memory[6].table.bytes + 36, "\x08_S5_\x12\x06\x04\x0a\x05\x0a\x05", 12);
    memory[6].table.size += 12;
    seal(&memory[6].table);
    plat_fake_reset(state);
    plat_fake.map_ram = map_ram;
    return 0;
}

static void walk_good(void **state)
{
    const struct acpi_info *info = acpi_info();

    (void)state;
    acpi_init(0x100);
    assert_true(info->found && info->madt && info->fadt && info->s5);
    assert_true(info->ncpus == 3 && info->hpet_address == 0xfed00000 && info->s5_type_a == 5);
    assert_false(plat_fake_logged("broken"));
}

static void walk_falls_back_to_rsdt(void **state)
{
    (void)state;
    memory[1].table.bytes[40] ^= 1;
    acpi_init(0x100);
    assert_true(acpi_info()->found && acpi_info()->ncpus == 3);
    assert_true(plat_fake_logged("XSDT at 0x1000 is broken"));
}

static void walk_without_roots(void **state)
{
    (void)state;
    acpi_init(0);
    assert_false(acpi_info()->found);
    acpi_init(0x999); /* cannot be mapped */
    assert_false(acpi_info()->found);
    memory[1].base = memory[2].base = 0;
    acpi_init(0x100);
    assert_false(acpi_info()->found);
    assert_int_equal(acpi_info()->ncpus, 0);
}

static void walk_leaves_broken_tables_out(void **state)
{
    (void)state;
    memory[3].table.bytes[50] ^= 1;
    memory[5].base = 0;             /* an entry that leads nowhere */
    memory[6].table.bytes[40] ^= 1; /* and a broken DSDT */
    acpi_init(0x100);
    assert_true(acpi_info()->found && acpi_info()->fadt);
    assert_true(!acpi_info()->madt && acpi_info()->ncpus == 0 && !acpi_info()->s5);
    assert_true(plat_fake_logged("APIC at 0x3000 is broken"));
    assert_true(plat_fake_logged("no sleep types"));
}

/* In place of the HPET's table: an SSDT without sleep types, or with them, or broken. */
static void walk_finds_s5_in_an_ssdt(void **state)
{
    static const char s5[] = "\x08_S5_\x12\x06\x04\x0a\x06\x0a\x07";

    (void)state;
    begin(&memory[5].table, "SSDT", 36);
    memcpy(memory[5].table.bytes + 36, s5, sizeof(s5) - 1);
    memory[5].table.size += sizeof(s5) - 1;
    seal(&memory[5].table);
    acpi_init(0x100);
    assert_true(acpi_info()->s5 && acpi_info()->s5_type_a == 5); /* the DSDT's */
    memory[6].table.bytes[37] = 'X';
    seal(&memory[6].table);
    acpi_init(0x100);
    assert_true(acpi_info()->s5 && acpi_info()->s5_type_a == 6 && acpi_info()->s5_type_b == 7);
    assert_false(plat_fake_logged("no sleep types"));
    memory[6].base = 0; /* no DSDT at all */
    acpi_init(0x100);
    assert_true(acpi_info()->s5 && acpi_info()->s5_type_a == 6);
    memory[5].table.bytes[37] = 'X';
    acpi_init(0x100);
    assert_true(!acpi_info()->s5 && plat_fake_logged("SSDT at 0x5000 is broken"));
    seal(&memory[5].table);
    acpi_init(0x100);
    assert_true(!acpi_info()->s5 && plat_fake_logged("no sleep types"));
}

/* In place of the HPET's, an SSDT that is listed as often as there are entries. */
static void walk_reads_each_table_once(void **state)
{
    unsigned before;

    (void)state;
    begin(&memory[5].table, "SSDT", 36);
    seal(&memory[5].table);
    acpi_init(0x100);
    before = nmapped;
    memory_drop(NULL);
    for (unsigned i = 0; i < 240; i++)
        add(&memory[1].table, 0x5000, 8);
    seal(&memory[1].table);
    acpi_init(0x100);
    assert_true(acpi_info()->found && acpi_info()->ncpus == 3);
    assert_int_equal(nmapped, before);
}

#define HUGE_AT 0x10000000u

static unsigned huge_mapped;

/* The largest table there can be, at any of the addresses above HUGE_AT. */
static const void *map_huge(uint64_t physical, size_t nbytes)
{
    static uint8_t *huge;

    if (physical < HUGE_AT)
        return map_ram(physical, nbytes);
    if (!huge) {
        huge = calloc(1, ACPI_TABLE_MAX_SIZE);
        assert_non_null(huge);
        memcpy(huge, "SSDT\0\0\0\1", 8);
        sum_fix(huge, ACPI_TABLE_MAX_SIZE, 9);
    }
    huge_mapped += nbytes > ACPI_HEADER_SIZE;
    return huge;
}

/* What fits the budget is read, the rest is left out. */
static void walk_reads_so_much_at_most(void **state)
{
    struct timespec begun, now;

    (void)state;
    plat_fake.map_ram = map_huge;
    for (unsigned i = 0; i < 240; i++)
        add(&memory[1].table, HUGE_AT + i, 8);
    seal(&memory[1].table);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begun);
    acpi_init(0x100);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    assert_true(now.tv_sec - begun.tv_sec < 5);
    assert_true(huge_mapped > 0 && plat_fake_logged("SSDT at 0x10000002 is broken and left out"));
    assert_true(acpi_info()->ncpus == 3 && acpi_info()->s5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rsdp_both_versions),
        cmocka_unit_test(rsdp_broken),
        cmocka_unit_test(madt_everything),
        cmocka_unit_test(madt_bad_entries),
        cmocka_unit_test(madt_too_many),
        cmocka_unit_test(census_whole),
        cmocka_unit_test(census_missing),
        cmocka_unit_test(census_option),
        cmocka_unit_test(census_apic_ids),
        cmocka_unit_test(census_doubtful_table),
        cmocka_unit_test(header_broken),
        cmocka_unit_test(fadt_first_revision),
        cmocka_unit_test(fadt_later_revision),
        cmocka_unit_test(fadt_timer_unusable),
        cmocka_unit_test(fadt_too_short),
        cmocka_unit_test(hpet_forms),
        cmocka_unit_test(s5_forms),
        cmocka_unit_test(s5_broken),
        cmocka_unit_test(mutations),
        cmocka_unit_test_setup_teardown(walk_good, memory_make, memory_drop),
        cmocka_unit_test_setup_teardown(walk_falls_back_to_rsdt, memory_make, memory_drop),
        cmocka_unit_test_setup_teardown(walk_without_roots, memory_make, memory_drop),
        cmocka_unit_test_setup_teardown(walk_leaves_broken_tables_out, memory_make, memory_drop),
        cmocka_unit_test_setup_teardown(walk_finds_s5_in_an_ssdt, memory_make, memory_drop),
        cmocka_unit_test_setup_teardown(walk_reads_each_table_once, memory_make, memory_drop),
        cmocka_unit_test_setup_teardown(walk_reads_so_much_at_most, memory_make, memory_drop),
    };

    return cmocka_run_group_tests_name("acpi", tests, NULL, NULL);
}
