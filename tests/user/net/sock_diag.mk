# SPDX-License-Identifier: MIT
USER_LIBC_sock_diag := glibc
