/* SPDX-License-Identifier: MIT */
/* What a new program has of the capabilities of the one before: by root's id, set-ID bits,
 * capabilities of its file, the bounding and the ambient set, securebits and no_new_privs. */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/user/lib/capability.h"
#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"
#include "tests/user/lib/copy.h"

#define COPY  "/tmp/capability-exec"
#define USER  1000
#define KILL  BIT(LX_CAP_KILL)
#define CHOWN BIT(LX_CAP_CHOWN)
#define LAST  BIT(LX_CAP_LAST_CAP)
#define ALL   ~0UL

/* Magic words: the program must know of its capabilities, or need not. */
#define SLEEPY     LX_VFS_CAP_REVISION_2
#define AWAKE      (LX_VFS_CAP_REVISION_2 | LX_VFS_CAP_FLAGS_EFFECTIVE)
#define REVISION_3 LX_VFS_CAP_REVISION_3

static unsigned long bounds;

/* Before exec, in this order. */
struct start {
    int mode;
    uid_t owner; /* of the file */
    uid_t real, effective;
    unsigned long drop; /* from the bounding set */
    unsigned long securebits;
    unsigned long permitted; /* ALL: as they are; effective ones are the same, as far as they can */
    unsigned long inheritable, ambient;
    bool no_new_privs;
    unsigned file; /* of its security.capability: the magic word; 0: it has none */
    unsigned long file_permitted, file_inheritable;
    unsigned file_root;
    /* after it */
    bool refused;                                            /* EPERM */
    unsigned long new_effective, new_permitted, new_ambient; /* ALL: what is in bounds */
    unsigned long secure;
};

static unsigned long bounds_get(void)
{
    unsigned long set = 0;

    for (long n = 0; n <= LX_CAP_LAST_CAP; n++)
        if (prctl(PR_CAPBSET_READ, n, 0L, 0L, 0L) == 1)
            set |= BIT(n);
    return set;
}

/* In the new program: bounds, the three sets, inheritable ones, AT_SECURE, PR_GET_KEEPCAPS. */
static void tell(char *text, size_t size)
{
    unsigned long ambient = 0;
    struct sets sets;

    CHECK_EQ(sets_get(0, &sets), 0);
    for (long n = 0; n <= LX_CAP_LAST_CAP; n++)
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, n, 0L, 0L) == 1)
            ambient |= BIT(n);
    snprintf(text, size, "%lx: %lx %lx %lx, %lx, %lu %d", bounds_get(), sets.effective,
             sets.permitted, ambient, sets.inheritable, getauxval(AT_SECURE),
             prctl(PR_GET_KEEPCAPS));
}

static void change(const struct start *s)
{
    unsigned long permitted;
    struct sets sets;

    CHECK_OK(setgroups(0, NULL));
    for (long n = 0; n <= LX_CAP_LAST_CAP; n++)
        if (s->drop & BIT(n))
            CHECK_OK(prctl(PR_CAPBSET_DROP, n, 0L, 0L, 0L));
    CHECK_OK(prctl(PR_SET_SECUREBITS, s->securebits | LX_SECBIT_KEEP_CAPS, 0L, 0L, 0L));
    CHECK_OK(setresuid(s->real, s->effective, s->effective));
    CHECK_EQ(sets_get(0, &sets), 0);
    permitted = s->permitted != ALL ? s->permitted : sets.permitted;
    CHECK_EQ(sets_set(permitted, permitted, s->inheritable), 0);
    for (long n = 0; n <= LX_CAP_LAST_CAP; n++)
        if (s->ambient & BIT(n))
            CHECK_OK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, n, 0L, 0L));
    if (s->no_new_privs)
        CHECK_OK(prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L));
}

static void run(const struct start *s)
{
    unsigned long in = bounds & ~s->drop;
    char expected[128];
    pid_t pid;

    CHECK_OK(chown(COPY, s->owner, 0));
    CHECK_OK(chmod(COPY, (mode_t)s->mode));
    if (s->file) {
        const struct lx_vfs_cap caps = {
            .magic = s->file,
            .data = {(unsigned)s->file_permitted, (unsigned)s->file_inheritable,
                     (unsigned)(s->file_permitted >> 32), (unsigned)(s->file_inheritable >> 32)},
            .root = s->file_root,
        };
        size_t nbytes = s->file & BIT(24) ? sizeof(caps) : LX_XATTR_CAPS_SZ_2;

        CHECK_OK(setxattr(COPY, "security.capability", &caps, nbytes, 0));
    }
    snprintf(expected, sizeof(expected), "%lx: %lx %lx %lx, %lx, %lu 0", in,
             s->new_effective == ALL ? in : s->new_effective,
             s->new_permitted == ALL ? in : s->new_permitted, s->new_ambient, s->inheritable,
             s->secure);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        change(s);
        execl(COPY, "copy", expected, NULL);
        _exit(errno == EPERM ? 126 : 127);
    }
    CHECK_EQ(child_end(pid), s->refused ? 126 << 8 : 0);
}

#define ROOT     .real = 0, .effective = 0
#define ORDINARY .real = USER, .effective = USER
#define PLAIN    .mode = 0755, .owner = 0
#define SET_ROOT .mode = 04755, .owner = 0
#define ROOTS    .new_effective = ALL, .new_permitted = ALL

static const struct start starts[] = {
    {PLAIN, ROOT, .permitted = ALL, ROOTS},
    {PLAIN, ROOT, .permitted = 0, ROOTS},
    {PLAIN, ROOT, .permitted = ALL, .drop = CHOWN, ROOTS},
    {PLAIN, ROOT, .permitted = KILL, .securebits = LX_SECBIT_NOROOT},
    {PLAIN, ROOT, .permitted = KILL, .no_new_privs = true, .new_effective = KILL,
     .new_permitted = KILL},
    {PLAIN, ORDINARY, .permitted = ALL},
    {PLAIN, ORDINARY, .permitted = KILL | CHOWN, .inheritable = CHOWN},
    {PLAIN, ORDINARY, .permitted = KILL | CHOWN, .inheritable = KILL, .ambient = KILL,
     .new_effective = KILL, .new_permitted = KILL, .new_ambient = KILL},
    {PLAIN, ORDINARY, .permitted = KILL, .inheritable = KILL, .ambient = KILL, .no_new_privs = true,
     .new_effective = KILL, .new_permitted = KILL, .new_ambient = KILL},
    {SET_ROOT, ORDINARY, .permitted = 0, ROOTS, .secure = 1},
    {SET_ROOT, ORDINARY, .permitted = KILL, .inheritable = KILL, .ambient = KILL, ROOTS,
     .secure = 1},
    {SET_ROOT, ORDINARY, .permitted = 0, .no_new_privs = true},
    {SET_ROOT, ORDINARY, .permitted = 0, .securebits = LX_SECBIT_NOROOT, .secure = 1},
    {SET_ROOT, ORDINARY, .permitted = 0, .drop = CHOWN, ROOTS, .secure = 1},
    /* Root's program that runs as another user: it may be root again, and has nothing until then.
     */
    {.mode = 04755, .owner = USER, ROOT, .permitted = ALL, .new_permitted = ALL, .secure = 1},
    {PLAIN, .real = 0, .effective = USER, .permitted = 0, .new_permitted = ALL, .secure = 1},
    /* Of the file: permitted ones in bounds, and inheritable ones that the caller has, too. */
    {PLAIN, ORDINARY, .file = SLEEPY, .file_permitted = KILL, .new_permitted = KILL, .secure = 1},
    {PLAIN, ORDINARY, .file = AWAKE, .file_permitted = KILL | LAST, .new_permitted = KILL | LAST,
     .new_effective = KILL | LAST, .secure = 1},
    {PLAIN, ORDINARY, .permitted = CHOWN, .inheritable = CHOWN, .file = AWAKE,
     .file_inheritable = CHOWN | KILL, .new_permitted = CHOWN, .new_effective = CHOWN, .secure = 1},
    {PLAIN, ORDINARY, .file = AWAKE, .secure = 1},
    {PLAIN, ORDINARY, .file = SLEEPY, .secure = 0},
    {PLAIN, ORDINARY, .file = SLEEPY, .file_permitted = KILL | CHOWN, .drop = CHOWN,
     .new_permitted = KILL, .secure = 1},
    {PLAIN, ORDINARY, .file = AWAKE, .file_permitted = KILL | CHOWN, .drop = CHOWN,
     .refused = true},
    {PLAIN, ROOT, .permitted = ALL, .file = AWAKE, .file_permitted = KILL | CHOWN, .drop = CHOWN,
     .refused = true},
    {PLAIN, ROOT, .permitted = ALL, .file = AWAKE, .file_permitted = KILL, ROOTS},
    {PLAIN, ROOT, .permitted = CHOWN, .securebits = LX_SECBIT_NOROOT, .file = AWAKE,
     .file_permitted = KILL, .new_permitted = KILL, .new_effective = KILL, .secure = 0},
    /* One of root's with some means these. */
    {SET_ROOT, ORDINARY, .permitted = 0, .file = AWAKE, .file_permitted = KILL,
     .new_permitted = KILL, .new_effective = KILL, .secure = 1},
    /* The ambient set goes, also where the file gives nothing. */
    {PLAIN, ORDINARY, .permitted = CHOWN, .inheritable = CHOWN, .ambient = CHOWN, .file = SLEEPY,
     .file_permitted = KILL, .new_permitted = KILL, .secure = 1},
    {PLAIN, ORDINARY, .permitted = CHOWN, .inheritable = CHOWN, .ambient = CHOWN, .file = SLEEPY},
    {PLAIN, ORDINARY, .permitted = 0, .no_new_privs = true, .file = SLEEPY, .file_permitted = KILL},
    {PLAIN, ORDINARY, .permitted = CHOWN, .no_new_privs = true, .file = AWAKE,
     .file_permitted = KILL | CHOWN, .new_permitted = CHOWN, .new_effective = CHOWN, .secure = 1},
    /* Of another root than that of all: none. */
    {PLAIN, ORDINARY, .file = SLEEPY | REVISION_3, .file_permitted = KILL, .file_root = 77},
    {PLAIN, ORDINARY, .file = SLEEPY | REVISION_3, .file_permitted = KILL, .new_permitted = KILL,
     .secure = 1},
};

static int set_attribute(const char *name)
{
    const struct lx_vfs_cap caps = {.magic = SLEEPY, .data = {1}};

    return setxattr(COPY, name, &caps, LX_XATTR_CAPS_SZ_2, 0);
}

/* A right of its own, which the file's owner has not, nor what may set the others. */
static void change_attributes(void)
{
    const unsigned long setfcap = BIT(LX_CAP_SETFCAP), admin = BIT(LX_CAP_SYS_ADMIN);

    CHECK_EQ(sets_set(setfcap, setfcap | admin, 0), 0);
    CHECK_OK(set_attribute("security.capability"));
    CHECK_ERR(set_attribute("security.other"), EPERM);
    CHECK_OK(removexattr(COPY, "security.capability"));
    CHECK_EQ(sets_set(admin, admin, 0), 0);
    CHECK_ERR(set_attribute("security.capability"), EPERM);
    CHECK_ERR(removexattr(COPY, "security.capability"), EPERM);
}

int main(int argc, char **argv)
{
    char text[128];

    if (argc > 1) {
        tell(text, sizeof(text));
        if (strcmp(text, argv[1]) != 0) {
            say(2, text);
            say(2, "; expected ");
            say(2, argv[1]);
            say(2, "\n");
            return 1;
        }
        return 0;
    }
    program_copy(argv[0], COPY);
    bounds = bounds_get();
    for (unsigned i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
        run(&starts[i]);
    CHECK_EQ(child_status(change_attributes), 0);
    CHECK_OK(unlink(COPY));
    return 0;
}
