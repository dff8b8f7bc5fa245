# SPDX-License-Identifier: MIT
# musl with the headers of the kernel, of which it has none.
USER_FLAGS_sock_diag_many := -idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu
