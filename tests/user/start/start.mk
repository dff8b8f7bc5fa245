# SPDX-License-Identifier: MIT
# Records its first instruction (lib/first.S).
USER_FLAGS_start := -Wl,-e,first_start
