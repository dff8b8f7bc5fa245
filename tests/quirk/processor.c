/* SPDX-License-Identifier: MIT */
/*
 * Processors that firmware leaves in a state of its own.
 *
 * What firmware's timer interrupt puts right behind our back (EDK II's handler sets CR4.OSFXSR) is
 * put wrong again once boot services are gone.
 */
#include "tests/quirk/quirk.h"

#include "efi-loader/cpu.h"
#include "kernel/lib/string.h"
#include "shared/addrmap.h"

#define CR0_EM     (1ULL << 2)
#define CR0_TS     (1ULL << 3)
#define CR4_OSFXSR (1ULL << 9)
#define FOUR_GIB   (1ULL << 32)

#define MSR_MISC_ENABLE        0x1a0
#define MISC_ENABLE_XD_DISABLE (1ULL << 34)

#define DR7_GLOBAL_0 0x402ULL /* breakpoint 0 on execution */

static uint64_t read_cr0(void)
{
    uint64_t value;

    __asm__ volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}

static void write_cr0(uint64_t value)
{
    __asm__ volatile("mov %0, %%cr0" : : "r"(value));
}

static uint64_t read_cr4(void)
{
    uint64_t value;

    __asm__ volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}

static void write_cr4(uint64_t value)
{
    __asm__ volatile("mov %0, %%cr4" : : "r"(value));
}

static uint64_t read_msr(uint32_t number)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
    return low | (uint64_t)high << 32;
}

static void write_msr(uint32_t number, uint64_t value)
{
    __asm__ volatile("wrmsr" : : "a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(number));
}

/* The first thing that the loader asks of the firmware comes after it has seen to the processor. */
static void (*the_check)(void);

static EFI_STATUS EFIAPI locate_handles(EFI_LOCATE_SEARCH_TYPE how, EFI_GUID *guid, void *key,
                                        UINTN *count, EFI_HANDLE **out)
{
    if (quirk_is_loader(__builtin_return_address(0)) && the_check) {
        the_check();
        the_check = NULL;
    }
    return the_quirk.real.LocateHandleBuffer(how, guid, key, count, out);
}

static void check_first_call(void (*check)(void))
{
    the_check = check;
    the_quirk.bs->LocateHandleBuffer = locate_handles;
}

static void osfxsr_off(void)
{
    write_cr4(read_cr4() & ~CR4_OSFXSR);
}

static void osfxsr_is_on(void)
{
    if (!(read_cr4() & CR4_OSFXSR))
        quirk_fault("CR4.OSFXSR is still off");
}

/* Firmware's own code between here and the loader uses SSE: it is switched off by what stands at
 * the loader's entry, which then is itself again. */
#define JUMP_NBYTES 12 /* mov $address, %rax; jmp *%rax */

static unsigned char *the_loader_entry, the_first_bytes[JUMP_NBYTES];

static EFI_STATUS EFIAPI loader_enter(EFI_HANDLE image, EFI_SYSTEM_TABLE *st)
{
    EFI_IMAGE_ENTRY_POINT enter;

    memcpy(the_loader_entry, the_first_bytes, JUMP_NBYTES);
    memcpy(&enter, &the_loader_entry, sizeof(enter));
    osfxsr_off();
    return enter(image, st);
}

static void loader_entry_take(void)
{
    enum { PE_HEADER = 0x3c, PE_ENTRY = 0x28 };
    unsigned char *base = the_quirk.loader->ImageBase;
    unsigned char jump[JUMP_NBYTES] = {0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0};
    EFI_IMAGE_ENTRY_POINT enter = loader_enter;
    uint32_t header, entry;

    memcpy(&header, base + PE_HEADER, sizeof(header));
    memcpy(&entry, base + header + PE_ENTRY, sizeof(entry));
    the_loader_entry = base + entry;
    memcpy(the_first_bytes, the_loader_entry, JUMP_NBYTES);
    memcpy(jump + 2, &enter, sizeof(enter));
    memcpy(the_loader_entry, jump, JUMP_NBYTES);
}

/* As U-Boot 2023.01: any SSE instruction is #UD. */
static void no_osfxsr(void)
{
    loader_entry_take();
    check_first_call(osfxsr_is_on);
    quirk_after_exit(osfxsr_off);
}

static void fpu_off(void)
{
    write_cr0(read_cr0() | CR0_EM | CR0_TS);
}

/* Not before: firmware's interrupt handlers save these registers. */
static void no_fpu(void)
{
    quirk_after_exit(fpu_off);
}

/* A debugger's breakpoint on the kernel's first instruction. */
static uint64_t the_entry;

static void breakpoint(void)
{
    __asm__ volatile("mov %0, %%dr0" : : "r"(the_entry));
    __asm__ volatile("mov %0, %%dr7" : : "r"(DR7_GLOBAL_0));
}

static void breakpoint_left(void)
{
    enum { ELF_ENTRY = 24 };
    static CHAR16 path[] = u"\\firstlight\\kernel.elf";
    unsigned char head[64];

    if (quirk_read_file(path, head, sizeof(head)) != sizeof(head))
        quirk_fault("kernel.elf cannot be read");
    memcpy(&the_entry, head + ELF_ENTRY, sizeof(the_entry));
    quirk_after_exit(breakpoint);
}

/* UEFI PI 1.7, volume 2, section 13.4. */
struct mp_services {
    void *get_number, *get_info;
    EFI_STATUS(EFIAPI *startup_all)
    (struct mp_services *self, void(EFIAPI *procedure)(void *), BOOLEAN one_by_one, EFI_EVENT event,
     UINTN microseconds, void *argument, UINTN **failed);
};

static void EFIAPI xd_off(void *unused)
{
    (void)unused;
    write_msr(MSR_MISC_ENABLE, read_msr(MSR_MISC_ENABLE) | MISC_ENABLE_XD_DISABLE);
}

static void xd_is_on(void)
{
    if (read_msr(MSR_MISC_ENABLE) & MISC_ENABLE_XD_DISABLE)
        quirk_fault("execute-disable is still off");
}

/* On all processors; those that firmware parks keep their registers through INIT. */
static void xd_disabled(void)
{
    static EFI_GUID guid = {
        0x3fdda605, 0xa76e, 0x4f46, {0xad, 0x29, 0x12, 0xf4, 0x53, 0x1b, 0x3d, 0x08}};
    struct mp_services *mp;

    if (EFI_ERROR(the_quirk.real.LocateProtocol(&guid, NULL, (void **)&mp)) ||
        EFI_ERROR(mp->startup_all(mp, xd_off, FALSE, NULL, 0, NULL, NULL)))
        quirk_fault("this quirk needs a machine with several processors");
    xd_off(NULL);
    quirk_before_exit(xd_is_on);
}

struct levels {
    uint64_t root, unused;
    uint64_t rest[30]; /* levels.S's */
};

/* A fifth level above firmware's own tables, whose only entry leads to them. */
static void la57(void)
{
    enum { CODE, DATA, ROOT, PAGES };
    EFI_PHYSICAL_ADDRESS base = FOUR_GIB - 1;
    uint64_t cr3;

    if (EFI_ERROR(the_quirk.real.AllocatePages(AllocateMaxAddress, EfiLoaderCode, PAGES, &base))) {
        quirk_fault("no memory below 4 GiB");
        return;
    }
    memset((void *)base, 0, PAGES * PAGE_SIZE);
    memcpy((void *)base, levels_begin, (size_t)(levels_end - levels_begin));
    struct levels *levels = (struct levels *)(base + DATA * PAGE_SIZE);
    levels->root = base + ROOT * PAGE_SIZE;
    __asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
    *(uint64_t *)levels->root = (cr3 & ~(uint64_t)PAGE_MASK) | 3;
    ((void(EFIAPI *)(struct levels *))base)(levels);
    quirk_say(read_cr4() & CPU_CR4_LA57 ? "5-level paging is on" : "5-level paging is not on");
}

const struct quirk_entry quirk_processor_entries[] = {
    {"no-osfxsr", no_osfxsr},     {"no-fpu", no_fpu}, {"breakpoint-left", breakpoint_left},
    {"xd-disabled", xd_disabled}, {"la57", la57},     {NULL, NULL},
};
