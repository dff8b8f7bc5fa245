/* SPDX-License-Identifier: MIT */
/*
 * Programs of a few instructions, made into an ELF file on the fly and run by boot return.
 *
 * The code comes from user_stubs.S. One segment, readable and executable: what a stub needs in
 * memory beyond that it gets from its stack.
 */
#include "kernel/selftest/user_stub.h"

#include "kernel/fs/vfs/open.h"
#include "kernel/lib/klog.h"
#include "shared/elf64.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

#define BASE_VA  0x400000ULL
#define LIMIT_NS 5000000000ULL

/* File header, one program header, code. */
struct head {
    struct elf64_header file;
    struct elf64_phdr segment;
};

/* The smallest file that exec accepts. Not writable: a stub's data is on its stack. */
static struct head head_for(size_t code_nbytes)
{
    uint64_t nbytes = sizeof(struct head) + code_nbytes;

    return (struct head){
        .file =
            {
                .ident = {0x7f, 'E', 'L', 'F', 2, 1, 1},
                .type = ELF_ET_EXEC,
                .machine = ELF_MACHINE_X86_64,
                .version = 1,
                .entry = BASE_VA + sizeof(struct head),
                .phoff = sizeof(struct elf64_header),
                .ehsize = sizeof(struct elf64_header),
                .phentsize = sizeof(struct elf64_phdr),
                .phnum = 1,
            },
        .segment =
            {
                .type = ELF_PT_LOAD,
                .flags = ELF_PF_R | ELF_PF_X,
                .vaddr = BASE_VA,
                .paddr = BASE_VA,
                /* Headers and code are one segment at the start of the file. */
                .filesz = nbytes,
                .memsz = nbytes,
                .align = 4096,
            },
    };
}

static int write_all(struct file *file, const void *bytes, size_t nbytes, int64_t offset)
{
    int64_t done = file_write_kernel(file, bytes, nbytes, offset);

    if (done < 0)
        return (int)done;
    /* A short write means that the file system is full. */
    return (size_t)done == nbytes ? 0 : -ENOSPC;
}

/* Written through the file system and run by path: the same way as any program, exec included. */
int user_stub_install(struct user_stub code)
{
    size_t nbytes = (size_t)(code.end - code.begin);
    struct head head = head_for(nbytes);
    struct fs_context *context;
    struct file *file;
    int err = fs_context_create(&context);

    if (err)
        return err;
    err = fs_open_path(context, USER_STUB_PATH, LX_O_WRONLY | LX_O_CREAT | LX_O_TRUNC, 0755, &file);
    if (!err) {
        err = write_all(file, &head, sizeof(head), 0);
        if (!err)
            err = write_all(file, code.begin, nbytes, sizeof(head));
        file_put(file);
    }
    fs_context_destroy(context);
    return err;
}

int user_stub_run_installed(struct wait_status *status)
{
    static const char *const argv[] = {USER_STUB_PATH, NULL};
    static const char *const envp[] = {NULL};
    struct exec_request request = {
        .path = USER_STUB_PATH,
        .argv = argv,
        .envp = envp,
        .limit_ns = LIMIT_NS,
    };

    return usermode_run(&request, status);
}

/* Removed, so that the leak check finds no file. */
void user_stub_remove(void)
{
    struct fs_context *context;

    if (fs_context_create(&context))
        return;
    if (fs_unlink(context, NULL, USER_STUB_PATH, false))
        klog("selftest: %s could not be removed", USER_STUB_PATH);
    fs_context_destroy(context);
}

int user_stub_run(struct user_stub code, struct wait_status *status)
{
    int err = user_stub_install(code);

    if (!err)
        err = user_stub_run_installed(status);
    user_stub_remove();
    return err;
}
