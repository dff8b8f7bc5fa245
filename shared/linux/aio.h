/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/aio.h - asynchronous input and output: io_setup and its relatives
 *
 * Used by: kernel/syscall/fs/sys_aio.c; the ABI test compares with the host's <linux/aio_abi.h>.
 */
#pragma once

#include <stdint.h>

#define LX_IOCB_CMD_PREAD   0
#define LX_IOCB_CMD_PWRITE  1
#define LX_IOCB_CMD_FSYNC   2
#define LX_IOCB_CMD_FDSYNC  3
#define LX_IOCB_CMD_PREADV  7
#define LX_IOCB_CMD_PWRITEV 8

#define LX_IOCB_FLAG_RESFD 1

struct lx_iocb {
    uint64_t aio_data;
    uint32_t aio_key;
    int32_t aio_rw_flags;
    uint16_t aio_lio_opcode;
    int16_t aio_reqprio;
    uint32_t aio_fildes;
    uint64_t aio_buf;
    uint64_t aio_nbytes;
    int64_t aio_offset;
    uint64_t aio_reserved2;
    uint32_t aio_flags;
    uint32_t aio_resfd;
};
_Static_assert(sizeof(struct lx_iocb) == 64, "struct iocb");

struct lx_io_event {
    uint64_t data;
    uint64_t obj;
    int64_t res;
    int64_t res2;
};
_Static_assert(sizeof(struct lx_io_event) == 32, "struct io_event");
