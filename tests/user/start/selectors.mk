# SPDX-License-Identifier: MIT
# Records its first instruction (lib/first.S).
USER_FLAGS_selectors := -Wl,-e,first_start
