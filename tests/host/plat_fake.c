/* SPDX-License-Identifier: MIT */
/*
 * tests/host/plat_fake.c - the hooks behind the made-up machine
 */
#include "tests/host/plat_fake.h"

#include "kernel/arch/x86_64/io.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/msr.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/arch/x86_64/tsc.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/klog.h"
#include "kernel/mm/slab.h"
#include "kernel/plat/power_end.h"

struct plat_fake plat_fake;

/* What the kernel keeps for good goes with the machine. */
static void *blocks[256];
static unsigned nblocks;

int plat_fake_reset(void **state)
{
    (void)state;
    while (nblocks)
        free(blocks[--nblocks]);
    memset(&plat_fake, 0, sizeof(plat_fake));
    return 0;
}

unsigned plat_fake_blocks(void)
{
    return nblocks;
}

int plat_fake_logged(const char *text)
{
    return strstr(plat_fake.log, text) != NULL;
}

static uint32_t port_in(uint16_t port, unsigned nbytes)
{
    return plat_fake.in ? plat_fake.in(port, nbytes) : UINT32_MAX;
}

static void port_out(uint16_t port, unsigned nbytes, uint32_t value)
{
    if (plat_fake.out)
        plat_fake.out(port, nbytes, value);
}

uint64_t cr0_read(void)
{
    return plat_fake.cr0;
}

void cr0_write(uint64_t v)
{
    plat_fake.cr0 = v;
}

uint64_t cr3_read(void)
{
    return plat_fake.cr3;
}

void cr3_write(uint64_t v)
{
    plat_fake.cr3 = v;
}

uint64_t cr4_read(void)
{
    return plat_fake.cr4;
}

void cr4_write(uint64_t v)
{
    plat_fake.cr4 = v;
}

void cache_flush_all(void)
{
    plat_fake.cache_flushes++;
}

uint8_t io_in8(uint16_t port)
{
    return (uint8_t)port_in(port, 1);
}

uint16_t io_in16(uint16_t port)
{
    return (uint16_t)port_in(port, 2);
}

uint32_t io_in32(uint16_t port)
{
    return port_in(port, 4);
}

void io_out8(uint16_t port, uint8_t value)
{
    port_out(port, 1, value);
}

void io_out16(uint16_t port, uint16_t value)
{
    port_out(port, 2, value);
}

void io_out32(uint16_t port, uint32_t value)
{
    port_out(port, 4, value);
}

/* Interrupts are on; nobody looks. */

uint64_t irq_flags_read(void)
{
    return 0;
}

uint64_t msr_read(uint32_t msr)
{
    return plat_fake.msr_in ? plat_fake.msr_in(msr) : 0;
}

void msr_write(uint32_t msr, uint64_t value)
{
    if (plat_fake.msr_out)
        plat_fake.msr_out(msr, value);
}

struct cpuid_result cpuid_query(uint32_t leaf, uint32_t subleaf)
{
    (void)subleaf;
    return plat_fake.cpuid ? plat_fake.cpuid(leaf) : (struct cpuid_result){0};
}

uint64_t tsc_read(void)
{
    return plat_fake.tsc ? plat_fake.tsc() : 0;
}

uint64_t tsc_read_ordered(void)
{
    return tsc_read();
}

const void *memremap(uint64_t physical, size_t nbytes)
{
    return plat_fake.map_ram ? plat_fake.map_ram(physical, nbytes) : NULL;
}

volatile void *ioremap(uint64_t physical, size_t nbytes, enum vmalloc_cache cache)
{
    plat_fake.last_cache = cache;
    return plat_fake.map_mmio ? plat_fake.map_mmio(physical, nbytes) : NULL;
}

void *kzalloc(size_t nbytes)
{
    assert_true(nblocks < ARRAY_SIZE(blocks));
    return blocks[nblocks++] = calloc(1, nbytes);
}

void *kmalloc(size_t nbytes)
{
    return kzalloc(nbytes);
}

/* One of those that are there. */
void kfree(void *object)
{
    unsigned i = 0;

    while (i < nblocks && blocks[i] != object)
        i++;
    assert_true(i < nblocks);
    blocks[i] = blocks[--nblocks];
    free(object);
}

void klog(const char *format, ...)
{
    size_t used = strlen(plat_fake.log), room = sizeof(plat_fake.log) - used;
    va_list args;

    va_start(args, format);
    vsnprintf(plat_fake.log + used, room, format, args);
    va_end(args);
    used = strlen(plat_fake.log);
    if (used + 1 < sizeof(plat_fake.log))
        strcpy(plat_fake.log + used, "\n");
}

void power_end_stop(void)
{
    longjmp(plat_fake.end, PLAT_END_STOP);
}

void power_end_triple_fault(void)
{
    longjmp(plat_fake.end, PLAT_END_TRIPLE_FAULT);
}

/* One thread: a lock that is taken twice is a mistake. */
uint64_t spin_lock_irqsave(struct spinlock *lock)
{
    assert_int_equal(lock->holder, 0);
    lock->holder = 1;
    return 0;
}

bool spin_is_held(const struct spinlock *lock)
{
    return lock->holder != 0;
}

void spin_unlock_irqrestore(struct spinlock *lock, uint64_t flags)
{
    (void)flags;
    assert_int_equal(lock->holder, 1);
    lock->holder = 0;
}
