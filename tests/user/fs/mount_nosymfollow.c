/* SPDX-License-Identifier: MIT */
/* A mount on which links are not followed: they can be read, made and removed, but lead nowhere. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PLACE         "/tmp/nosymfollow"
#define NOSYMFOLLOW   256
#define ST_NOFOLLOWED 0x2000

int main(void)
{
    struct stat st;
    struct statfs fs;
    char text[16];

    CHECK_OK(mkdir(PLACE, 0755));
    (void)!unshare(CLONE_NEWNS);
    CHECK_OK(mount("none", PLACE, "tmpfs", NOSYMFOLLOW, NULL));
    CHECK_OK(mkdir(PLACE "/dir", 0755));
    CHECK_OK(close((int)CHECK_OK(open(PLACE "/dir/file", O_CREAT | O_RDWR, 0644))));
    CHECK_OK(symlink("dir", PLACE "/link"));
    CHECK_OK(symlink(PLACE "/link", "/tmp/nosymfollow.link"));
    CHECK_ERR(stat(PLACE "/link", &st), ELOOP);
    CHECK_ERR(stat(PLACE "/link/file", &st), ELOOP);
    CHECK_ERR(open(PLACE "/link/file", O_RDONLY), ELOOP);
    CHECK_ERR(stat("/tmp/nosymfollow.link", &st), ELOOP);
    CHECK_OK(lstat(PLACE "/link", &st));
    CHECK(S_ISLNK(st.st_mode));
    CHECK_EQ(readlink(PLACE "/link", text, sizeof(text)), 3);
    CHECK_OK(stat(PLACE "/dir/file", &st));
    CHECK_OK(statfs(PLACE, &fs));
    CHECK_EQ(fs.f_flags & ST_NOFOLLOWED, ST_NOFOLLOWED);
    /* A link from outside that leads inside is followed: it lies elsewhere. */
    CHECK_OK(unlink("/tmp/nosymfollow.link"));
    CHECK_OK(symlink(PLACE "/dir", "/tmp/nosymfollow.link"));
    CHECK_OK(stat("/tmp/nosymfollow.link/file", &st));
    CHECK_OK(unlink("/tmp/nosymfollow.link"));
    CHECK_OK(mount("none", PLACE, "tmpfs", MS_REMOUNT, NULL));
    CHECK_OK(stat(PLACE "/link/file", &st));
    CHECK_OK(statfs(PLACE, &fs));
    CHECK_EQ(fs.f_flags & ST_NOFOLLOWED, 0);
    CHECK_OK(umount(PLACE));
    CHECK_OK(rmdir(PLACE));
    return 0;
}
