/* SPDX-License-Identifier: MIT */
/*
 * The files of the boot directory: which are read, which may be missing, what is wrong with them.
 *
 * Order: boot.cfg and load options (the command line), what a person chooses (menu.c), plan.txt,
 * kernel.elf, rootfs.cpio, checksums. kernel.elf and rootfs.cpio are needed; a missing checksums
 * file is a warning, a present one must be complete. The last step copies the kernel's segments
 * (image.c), after the checksum of the file has been compared.
 *
 * Each failure has one message, printed here, with the file, the fault and what to do. Nothing is
 * undone here: the caller frees all memory by its list (memory.c). The parsers are those of the
 * kernel (kernel/lib), tested and fuzzed there.
 */
#include "efi-loader/payload.h"
#include "efi-loader/fold.h"
#include "efi-loader/log.h"
#include "efi-loader/menu.h"
#include "kernel/lib/cfg.h"
#include "kernel/lib/cksum.h"
#include "kernel/lib/string.h"
#include "shared/linux/errno.h"

#define KIB 1024ULL
#define MIB (1024 * KIB)

/* Generous bounds: they keep a damaged directory entry from asking for absurd amounts of memory.
 * The size of rootfs.cpio must fit into 32 bits for FAT. */
#define MAX_KERNEL 64 * MIB
#define MAX_ROOTFS (4096 * MIB - 1)
#define MAX_PLAN   16 * MIB
#define MAX_TEXT   64 * KIB /* boot.cfg and checksums */

#define WRITE_AGAIN "write the stick again"

static unsigned long long to_kib(uint64_t nbytes)
{
    return (nbytes + KIB - 1) / KIB;
}

static const char *text_of(const struct bootinfo_extent *extent)
{
    return (const char *)(uintptr_t)extent->base;
}

/* The sentence for a file that could not be read. */
static void refuse_unread(const char *name, int err, uint64_t size, uint64_t max_size)
{
    switch (err) {
    case -ENOENT:
        log_refuse(REFUSE_MISSING, "%s: not found in \\firstlight: " WRITE_AGAIN, name);
        break;
    case -EISDIR:
        log_refuse(REFUSE_IS_DIRECTORY, "%s: is a directory: " WRITE_AGAIN, name);
        break;
    case -EFBIG:
        log_refuse(REFUSE_TOO_LARGE, "%s: is larger than %llu KiB: make it smaller", name,
                   to_kib(max_size));
        break;
    case -ENOMEM:
        log_refuse(REFUSE_FILE_MEMORY,
                   "%s: %llu KiB do not fit into free memory below 4 GiB: make it smaller or add "
                   "memory",
                   name, to_kib(size));
        break;
    default:
        log_refuse(REFUSE_UNREADABLE,
                   "%s: cannot be read (stick is worn or was removed): write another stick", name);
        break;
    }
}

/* Reads a file that must not be empty. A missing one is reported only if it is needed. */
static int read_file(struct files *files, struct memory *memory, const char *name, bool needed,
                     uint64_t max_size, enum bootinfo_type type, struct bootinfo_extent *out)
{
    int err = files_read(files, memory, name, max_size, type, out);

    if (err == -ENOENT && !needed)
        return err;
    if (err) {
        refuse_unread(name, err, out->size, max_size);
        return err;
    }
    if (out->size == 0 && needed) {
        log_refuse(REFUSE_EMPTY, "%s: is empty: " WRITE_AGAIN, name);
        return -EINVAL;
    }
    return 0;
}

/* Load options come after boot.cfg, and the last word wins: they override it. */
static int append_options(struct payload *payload, const char *options)
{
    size_t length;

    for (; *options; options += length) {
        while (*options == ' ')
            options++;
        for (length = 0; options[length] && options[length] != ' '; length++)
            ;
        if (length == 0)
            break;
        if (cfg_append(payload->cmdline, sizeof(payload->cmdline), options, length)) {
            log_refuse(REFUSE_OPTIONS_SIZE,
                       "load options: too long together with boot.cfg: shorten them");
            return -E2BIG;
        }
    }
    return 0;
}

static int append_config(struct payload *payload, const struct bootinfo_extent *config)
{
    struct cfg_reader reader;
    struct cfg_word word;
    enum cfg_kind kind;

    cfg_init(&reader, text_of(config), config->size);
    while ((kind = cfg_next(&reader, &word)) != CFG_END) {
        if (kind == CFG_MALFORMED) {
            log_refuse(REFUSE_CONFIG, "boot.cfg: line %u: %s: correct the line", word.line_number,
                       word.reason);
            return -EINVAL;
        }
        if (cfg_append(payload->cmdline, sizeof(payload->cmdline), word.text, word.length)) {
            log_refuse(REFUSE_CONFIG_SIZE,
                       "boot.cfg: line %u: more than %u bytes of words: shorten the file",
                       word.line_number, PAYLOAD_CMDLINE_CAPACITY);
            return -E2BIG;
        }
    }
    return 0;
}

/* boot.cfg may be missing or edited: it is not covered by checksums either. */
static int read_cmdline(struct files *files, struct memory *memory, const char *options,
                        struct payload *payload)
{
    struct bootinfo_extent config;
    int err = read_file(files, memory, "boot.cfg", false, MAX_TEXT, BOOTINFO_LOADER, &config);

    payload->cmdline[0] = '\0';
    if (err == -ENOENT)
        log_line("boot.cfg: not found, defaults are used");
    else if (err || (err = append_config(payload, &config)))
        return err;
    if (*options)
        log_line("load options: %s", options);
    return append_options(payload, options);
}

/* Finds the line of a file in `checksums`, every line of which must be well-formed. A second line
 * for one file is an error: either of the two could be the true one. */
static int find_checksum(const struct bootinfo_extent *sums, const char *name,
                         struct cksum_line *found)
{
    struct cksum_reader reader;
    struct cksum_line line;
    enum cksum_kind kind;
    bool seen = false;

    cksum_reader_init(&reader, text_of(sums), sums->size);
    while ((kind = cksum_next(&reader, &line)) != CKSUM_END) {
        if (kind == CKSUM_MALFORMED) {
            log_refuse(REFUSE_CHECKSUMS, "checksums: line %u: %s: " WRITE_AGAIN, line.line_number,
                       line.reason);
            return -EINVAL;
        }
        /* Lines for other files are allowed, but must be well-formed. */
        if (line.name_length != strlen(name) || memcmp(line.name, name, line.name_length) != 0)
            continue;
        if (seen) {
            log_refuse(REFUSE_CHECKSUMS, "checksums: line %u: a second line for %s: " WRITE_AGAIN,
                       line.line_number, name);
            return -EINVAL;
        }
        *found = line;
        seen = true;
    }
    if (!seen) {
        log_refuse(REFUSE_CHECKSUMS, "checksums: no line for %s: " WRITE_AGAIN, name);
        return -EINVAL;
    }
    return 0;
}

/* What fold() could not take, at the end, goes through the table as it is; POSIX appends the length
 * (cksum_finish). */
static uint32_t checksum_of(const struct cksum_tables *tables, const struct bootinfo_extent *file)
{
    unsigned char folded[FOLD_NBYTES];
    size_t done = fold_possible() ? fold(text_of(file), file->size, folded) : 0;
    uint32_t sum = done > 0 ? cksum_update(tables, 0, folded, sizeof(folded)) : 0;

    sum = cksum_update(tables, sum, text_of(file) + done, file->size - done);
    return cksum_finish(tables, sum, file->size);
}

/* The size first: it gives the better message for a file that was cut. */
static int verify(const struct cksum_tables *tables, const struct bootinfo_extent *sums,
                  const char *name, const struct bootinfo_extent *file)
{
    struct cksum_line line;
    int err = find_checksum(sums, name, &line);
    if (err)
        return err;
    if (line.file_size != file->size) {
        log_refuse(REFUSE_SIZE,
                   "%s: has %llu bytes instead of %llu (file is damaged): " WRITE_AGAIN, name,
                   (unsigned long long)file->size, (unsigned long long)line.file_size);
        return -EINVAL;
    }
    if (checksum_of(tables, file) != line.checksum) {
        log_refuse(REFUSE_CHECKSUM, "%s: checksum differs (file is damaged): " WRITE_AGAIN, name);
        return -EINVAL;
    }
    return 0;
}

static int verify_all(struct files *files, struct memory *memory, const struct payload *payload)
{
    static struct cksum_tables tables;
    struct bootinfo_extent sums;
    int err = read_file(files, memory, "checksums", false, MAX_TEXT, BOOTINFO_LOADER, &sums);

    if (err == -ENOENT) {
        log_line("warning: checksums: not found, damaged files will not be noticed");
        return 0;
    }
    if (err)
        return err;
    /* The tables are made here and not linked in: 16 KiB less to load. */
    cksum_init(&tables);
    err = verify(&tables, &sums, "kernel.elf", &payload->kernel_file);
    if (!err)
        err = verify(&tables, &sums, "rootfs.cpio", &payload->rootfs);
    return err;
}

/* The plan is not covered by checksums: it is meant to be edited. One that was chosen by a key has
 * to be there, and wins over a plan of the root file system. */
static int read_plan(struct files *files, struct memory *memory, const char *chosen,
                     struct payload *payload)
{
    int err = read_file(files, memory, chosen[0] ? chosen : "plan.txt", chosen[0], MAX_PLAN,
                        BOOTINFO_PLAN, &payload->plan);

    char word[CFG_WORD_MAX + 1];
    if (chosen[0] && cfg_find(payload->cmdline, "plan", word, sizeof(word)) &&
        cfg_append(payload->cmdline, sizeof(payload->cmdline), "plan=", strlen("plan="))) {
        log_refuse(REFUSE_OPTIONS_SIZE, "boot.cfg: no room to choose a plan: shorten the file");
        return -E2BIG;
    }

    /* An empty plan is a plan without a test: the kernel must not take another one instead. */
    payload->plan_present = err == 0;
    return err == -ENOENT ? 0 : err;
}

static int load_kernel(struct memory *memory, struct payload *payload)
{
    const char *reason;
    int err = image_load(&payload->kernel_file, memory, &payload->kernel, &reason);

    if (err == -ENOMEM)
        log_refuse(REFUSE_KERNEL_MEMORY,
                   "kernel.elf: no free memory for it below 4 GiB: add memory");
    else if (err)
        log_refuse(REFUSE_KERNEL, "kernel.elf: %s: " WRITE_AGAIN, reason);
    return err;
}

int payload_load(struct files *files, struct memory *memory, const char *options,
                 struct payload *payload)
{
    struct menu menu = {.cmdline = payload->cmdline, .capacity = sizeof(payload->cmdline)};

    int err = read_cmdline(files, memory, options, payload);
    if (!err) {
        menu_ask(&menu, files, memory);
        /* The largest first: with 64 MiB one range of free memory may be all that it fits into. */
        err = read_file(files, memory, "rootfs.cpio", true, MAX_ROOTFS, BOOTINFO_ROOTFS,
                        &payload->rootfs);
    }
    if (!err)
        err = read_plan(files, memory, menu.plan, payload);
    if (!err)
        err = read_file(files, memory, "kernel.elf", true, MAX_KERNEL, BOOTINFO_KERNEL_FILE,
                        &payload->kernel_file);
    if (!err)
        err = verify_all(files, memory, payload);
    if (!err)
        err = load_kernel(memory, payload);
    return err;
}
