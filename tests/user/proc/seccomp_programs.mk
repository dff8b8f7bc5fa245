# SPDX-License-Identifier: MIT
# With the kernel's own interpreter, which is compared with the kernel that runs it.
$(USER_T)/seccomp_programs: kernel/lib/bpf.c kernel/lib/bpf.h
