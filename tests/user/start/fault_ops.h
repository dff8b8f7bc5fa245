/* SPDX-License-Identifier: MIT */
/*
 * tests/user/start/fault_ops.h - the instructions of fault_ops.S, by name
 *
 * Used by: fault.c. None of these functions may come back.
 */
#pragma once

/* Every operation takes an address; those that need none ignore it. */
#define OPS(X)                                                                                     \
    X(divide_by_zero)                                                                              \
    X(divide_overflow)                                                                             \
    X(icebp)                                                                                       \
    X(single_step)                                                                                 \
    X(single_step_syscall)                                                                         \
    X(int3)                                                                                        \
    X(int_3)                                                                                       \
    X(int_4)                                                                                       \
    X(into)                                                                                        \
    X(int_5)                                                                                       \
    X(ud2)                                                                                         \
    X(lock_nop)                                                                                    \
    X(push_es)                                                                                     \
    X(mov_cs)                                                                                      \
    X(sysret)                                                                                      \
    X(rsm)                                                                                         \
    X(push_noncanonical)                                                                           \
    X(rbp_noncanonical)                                                                            \
    X(hlt)                                                                                         \
    X(cli)                                                                                         \
    X(sti)                                                                                         \
    X(in_port)                                                                                     \
    X(out_port)                                                                                    \
    X(out_imm)                                                                                     \
    X(outs_port)                                                                                   \
    X(lgdt)                                                                                        \
    X(lidt)                                                                                        \
    X(ltr)                                                                                         \
    X(lldt)                                                                                        \
    X(mov_cr0)                                                                                     \
    X(mov_to_cr3)                                                                                  \
    X(mov_to_cr4)                                                                                  \
    X(mov_cr8)                                                                                     \
    X(mov_dr7)                                                                                     \
    X(clts)                                                                                        \
    X(lmsw)                                                                                        \
    X(swapgs)                                                                                      \
    X(rdmsr)                                                                                       \
    X(wrmsr)                                                                                       \
    X(invlpg)                                                                                      \
    X(wbinvd)                                                                                      \
    X(ss_null)                                                                                     \
    X(ss_kernel)                                                                                   \
    X(ds_bad)                                                                                      \
    X(ds_kernel)                                                                                   \
    X(gs_bad)                                                                                      \
    X(far_ret)                                                                                     \
    X(far_ret_kernel)                                                                              \
    X(iret_kernel)                                                                                 \
    X(iret_noncanonical)                                                                           \
    X(movaps_misaligned)                                                                           \
    X(int_8)                                                                                       \
    X(int_13)                                                                                      \
    X(int_14)                                                                                      \
    X(int_32)                                                                                      \
    X(int_80)                                                                                      \
    X(int_255)                                                                                     \
    X(read_noncanonical)                                                                           \
    X(write_noncanonical)                                                                          \
    X(jump_noncanonical)                                                                           \
    X(ret_noncanonical)                                                                            \
    X(read)                                                                                        \
    X(write)                                                                                       \
    X(execute)                                                                                     \
    X(read_kernel)                                                                                 \
    X(write_kernel)                                                                                \
    X(jump_kernel)                                                                                 \
    X(read_direct)                                                                                 \
    X(read_kernel_top)                                                                             \
    X(jump_null)                                                                                   \
    X(stack_null)                                                                                  \
    X(red_zone_kernel)                                                                             \
    X(x87)                                                                                         \
    X(alignment)                                                                                   \
    X(sse)

#define DECLARE(name) void op_##name(void *address);
OPS(DECLARE)
extern char op_rodata[]; /* a byte of the read-only segment */
