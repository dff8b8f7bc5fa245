/* SPDX-License-Identifier: MIT */
/* What a program may no longer do once it is nobody: permission bits, ownership, changing back. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <sys/fsuid.h>
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
    CHECK_OK(mkdir("shared", 0777));
    CHECK_OK(chown("shared", 0, 7));
    CHECK_OK(chmod("shared", 02777));
}

/* The user for files alone: setting it tells the one before, in any case. */
static void check_files_user(void)
{
    CHECK_EQ(setfsuid(NOBODY), 0);
    CHECK_ERR(open("private", O_RDONLY), EACCES);
    CHECK_EQ(geteuid(), 0);
    CHECK_EQ(setfsuid((uid_t)-1), NOBODY);
    CHECK_EQ(setfsuid(0), NOBODY);
    CHECK_EQ(setfsgid(5), 0);
    CHECK_EQ(setfsgid(0), 5);
    CHECK_OK(close((int)CHECK_OK(open("private", O_RDONLY))));
}

static void check_groups_order(void)
{
    const gid_t given[] = {9, 3, 5, 3};
    gid_t told[5];

    CHECK_OK(setgroups(4, given));
    CHECK_EQ(getgroups(5, told), 4);
    CHECK(told[0] == 3 && told[1] == 3 && told[2] == 5 && told[3] == 9);
    CHECK_OK(setgroups(2, given));
    CHECK_EQ(getgroups(5, told), 2);
    CHECK(told[0] == 3 && told[1] == 9);
    CHECK_OK(setgroups(0, NULL));
}

/* Each of a set counts, wherever it stands in it, and no other does. */
static void check_groups_each(void)
{
    static const char name[] = "/tmp/file_rights.group";
    const gid_t given[] = {7, 2, 11, 4, 9, 2};
    int fd = (int)CHECK_OK(open(name, O_RDWR | O_CREAT | O_EXCL, 0640));

    for (unsigned count = 0; count <= 6; count++)
        for (gid_t group = 1; group < 13; group++) {
            int member = 0;

            for (unsigned i = 0; i < count; i++)
                member |= given[i] == group;
            CHECK_OK(setgroups(count, given));
            CHECK_OK(fchown(fd, 0, group));
            CHECK_OK(seteuid(NOBODY));
            if (member)
                CHECK_OK(close((int)CHECK_OK(open(name, O_RDONLY))));
            else
                CHECK_ERR(open(name, O_RDONLY), EACCES);
            CHECK_OK(seteuid(0));
        }
    CHECK_OK(close(fd));
    CHECK_OK(unlink(name));
    CHECK_OK(setgroups(0, NULL));
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
    CHECK_ERR(mknod("open/null", S_IFBLK | 0600, 0), EPERM);
    CHECK_OK(mknod("open/whiteout", S_IFCHR | 0600, 0));
    CHECK_ERR(open("open/whiteout", O_RDONLY), ENXIO);
    CHECK_OK(unlink("open/whiteout"));
    CHECK_OK(access("open", W_OK));
    CHECK_ERR(access("private", R_OK), EACCES);
}

/* Reading without a trace is for the owner, by open and by fcntl. */
static void check_no_access_time(void)
{
    int fd = (int)CHECK_OK(open("readable", O_RDONLY));

    CHECK_ERR(open("readable", O_RDONLY | O_NOATIME), EPERM);
    CHECK_ERR(fcntl(fd, F_SETFL, O_NOATIME), EPERM);
    CHECK_EQ(fcntl(fd, F_GETFL) & O_NOATIME, 0);
    CHECK_OK(close(fd));
    fd = (int)CHECK_OK(open("theirs", O_RDONLY | O_NOATIME));
    CHECK_OK(fcntl(fd, F_SETFL, 0));
    CHECK_OK(fcntl(fd, F_SETFL, O_NOATIME));
    CHECK(fcntl(fd, F_GETFL) & O_NOATIME);
    CHECK_OK(close(fd));
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

/* A directory's group goes to what is made in it, but no power to run as that group. */
static void check_inherited_group(void)
{
    struct stat st;

    CHECK_OK(close((int)CHECK_OK(open("shared/file", O_CREAT | O_WRONLY, 02777))));
    CHECK_OK(stat("shared/file", &st));
    CHECK_EQ(st.st_gid, 7);
    CHECK_EQ(st.st_mode & 07777, 0777);
    CHECK_OK(unlink("shared/file"));
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
    CHECK_OK(rmdir("shared"));
    CHECK_OK(chdir("/"));
    CHECK_OK(rmdir("/tmp/rights"));
}

int main(void)
{
    umask(0);
    prepare();
    check_files_user();
    check_groups_order();
    check_groups_each();
    become_nobody();
    check_refusals();
    check_no_access_time();
    check_own_files();
    CHECK_EQ(setfsuid(1), NOBODY);
    CHECK_EQ(setfsuid(0), NOBODY); /* it was not changed; the saved one may be taken */
    CHECK_EQ(setfsuid(NOBODY), 0);
    check_inherited_group();
    come_back_and_clear();
    return 0;
}
