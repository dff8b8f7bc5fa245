/* SPDX-License-Identifier: MIT */
/*
 * A machine that says TEXT on the serial line, writes VALUE to the debug-exit port and then ENDs:
 * what run.sh makes of a kernel that lies, hangs, resets or is switched off. Started by the
 * firmware in the loader's place; uses nothing of the firmware but the system table's reset.
 */
#include <stdint.h>

#define COM1        0x3f8
#define COM1_STATUS (COM1 + 5)
#define COM1_EMPTY  0x20
#define DEBUG_EXIT  0xf4

#define END_HANG     0
#define END_TRIPLE   1 /* an empty interrupt table and a fault */
#define END_POWEROFF 2 /* the firmware's ResetSystem */
#define END_RETURN   3

uint64_t stub_main(void *image, uint8_t *system_table);

static void out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

static void out32(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port));
}

static uint8_t in8(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static void say(const char *text)
{
    for (; *text; text++) {
        while (!(in8(COM1_STATUS) & COM1_EMPTY))
            continue;
        out8(COM1, (uint8_t)*text);
    }
}

/* EFI_RUNTIME_SERVICES.ResetSystem(EfiResetShutdown = 2), found by its place in the tables. */
static void power_off(uint8_t *system_table)
{
    uint8_t *runtime = *(uint8_t **)(system_table + 88);
    void (**reset)(uint64_t, uint64_t, uint64_t, void *) = (void *)(runtime + 104);

    (*reset)(2, 0, 0, 0);
}

uint64_t stub_main(void *image, uint8_t *system_table)
{
    static const struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } no_table = {0, 0};

    (void)image;
    say(TEXT);
    if (VALUE)
        out32(DEBUG_EXIT, VALUE);
    if (END == END_TRIPLE) {
        __asm__ volatile("lidt %0" ::"m"(no_table));
        __asm__ volatile("int3");
    }
    if (END == END_POWEROFF)
        power_off(system_table);
    while (END != END_RETURN)
        continue;
    return 0;
}
