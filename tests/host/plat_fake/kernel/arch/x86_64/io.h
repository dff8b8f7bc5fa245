/* SPDX-License-Identifier: MIT */
/*
 * plat_fake/arch/x86_64/io.h - the ports of a made-up machine
 *
 * Stands before the kernel's own on the include path: see tests/host/plat_fake.h.
 */
#pragma once

#include <stdint.h>

void io_out8(uint16_t port, uint8_t value);
void io_out16(uint16_t port, uint16_t value);
void io_out32(uint16_t port, uint32_t value);
uint8_t io_in8(uint16_t port);
uint16_t io_in16(uint16_t port);
uint32_t io_in32(uint16_t port);
