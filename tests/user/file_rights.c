/* SPDX-License-Identifier: MIT */
/* What a program may no longer do once it is nobody: permission bits, ownership, changing back. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define NOBODY 65534

static void put(const char *name, int mode)
{
    CHECK_OK(close((int)CHECK_OK(open(name, O_CREAT | O_WRONLY, 0600))));
    CHECK_OK(chmod(name, (mode_t)mode));
}

/* As root: files that others may and may not use. */
static void prepare(void)
{
    CHECK_OK(mkdir("/tmp/rights", 0755));
    CHECK_OK(chdir("/tmp/rights"));
    put("private", 0600);
    put("readable", 0644);
    put("theirs", 0400);
    CHECK_OK(chown("theirs", NOBODY, NOBODY));
    CHECK_OK(mkdir("closed", 0700));
    put("closed/inside", 0666);
    CHECK_OK(mkdir("searchable", 0711));
    put("searchable/inside", 0666);
    CHECK_OK(mkdir("open", 0777));
}

static void become_nobody(void)
{
    uid_t real, effective, saved;

    CHECK_OK(setresgid(NOBODY, NOBODY, NOBODY));
    CHECK_OK(setresuid(NOBODY, NOBODY, 0)); /* may still come back */
    CHECK_OK(getresuid(&real, &effective, &saved));
    CHECK(real == NOBODY && effective == NOBODY && saved == 0);
    CHECK_EQ(geteuid(), NOBODY);
    CHECK_EQ(getegid(), NOBODY);
}

static void check_refusals(void)
{
    CHECK_ERR(open("private", O_RDONLY), EACCES);
    CHECK_ERR(open("readable", O_RDWR), EACCES);
    CHECK_OK(close((int)CHECK_OK(open("readable", O_RDONLY))));
    CHECK_ERR(open("theirs", O_WRONLY), EACCES); /* the owner's bits count for the owner */
    CHECK_OK(close((int)CHECK_OK(open("theirs", O_RDONLY))));
    CHECK_ERR(open("closed/inside", O_RDONLY), EACCES);
    CHECK_ERR(open("closed", O_RDONLY | O_DIRECTORY), EACCES);
    CHECK_ERR(open("searchable", O_RDONLY | O_DIRECTORY), EACCES);
    CHECK_OK(close((int)CHECK_OK(open("searchable/inside", O_RDWR))));
    CHECK_ERR(chdir("closed"), EACCES);
    CHECK_ERR(open("new", O_CREAT | O_WRONLY, 0600), EACCES);
    CHECK_ERR(mkdir("new", 0700), EACCES);
    CHECK_ERR(unlink("readable"), EACCES);
    CHECK_ERR(rename("readable", "open/readable"), EACCES);
    CHECK_ERR(chmod("readable", 0666), EPERM);
    CHECK_OK(chmod("theirs", 0600));
    CHECK_ERR(chown("theirs", 0, 0), EPERM);
    CHECK_ERR(chroot("open"), EPERM);
    CHECK_ERR(mknod("open/null", S_IFCHR | 0600, 0x103), EPERM);
    CHECK_OK(access("open", W_OK));
    CHECK_ERR(access("private", R_OK), EACCES);
}

static void check_own_files(void)
{
    struct stat st;

    CHECK_OK(close((int)CHECK_OK(open("open/mine", O_CREAT | O_WRONLY, 0640))));
    CHECK_OK(stat("open/mine", &st));
    CHECK_EQ(st.st_uid, NOBODY);
    CHECK_EQ(st.st_gid, NOBODY);
    CHECK_OK(unlink("open/mine"));
    CHECK_ERR(setuid(1), EPERM);
    CHECK_ERR(setresuid(1, (uid_t)-1, (uid_t)-1), EPERM);
    CHECK_ERR(setgid(0), EPERM);
}

static void come_back_and_clear(void)
{
    static const char *const files[] = {"private", "readable", "theirs", "closed/inside",
                                        "searchable/inside"};

    CHECK_OK(setresuid((uid_t)-1, 0, (uid_t)-1));
    CHECK_EQ(geteuid(), 0);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        CHECK_OK(unlink(files[i]));
    CHECK_OK(rmdir("closed"));
    CHECK_OK(rmdir("searchable"));
    CHECK_OK(rmdir("open"));
    CHECK_OK(chdir("/"));
    CHECK_OK(rmdir("/tmp/rights"));
}

int main(void)
{
    umask(0);
    prepare();
    become_nobody();
    check_refusals();
    check_own_files();
    come_back_and_clear();
    return 0;
}
