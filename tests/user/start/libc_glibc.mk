# SPDX-License-Identifier: MIT
# glibc's static program, beside musl's.
USER_LIBC_libc_glibc := glibc
