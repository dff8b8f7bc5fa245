/* SPDX-License-Identifier: MIT */
/*
 * Start-up, in the order in which things come to exist.
 *
 * The only file that sees every room. State at entry: shared/bootinfo.h. Every step may use what
 * the steps before it made, and nothing else: a panic works from processor_start on and is on the
 * screen as well, memory from
 * memory_start, time and interrupts' vectors from time_start. Up to run() one processor is on, with
 * interrupts off, on the image's own small stack.
 *
 * The only file that sees every room. State at entry: shared/bootinfo.h.
 */
#include "kernel/main.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/entry.h"
#include "kernel/arch/x86_64/features.h"
#include "kernel/arch/x86_64/idt.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/tsc.h"
#include "kernel/core/backtrace.h"
#include "kernel/core/clock.h"
#include "kernel/core/cmdline.h"
#include "kernel/core/ipi.h"
#include "kernel/core/output.h"
#include "kernel/core/panic.h"
#include "kernel/core/random.h"
#include "kernel/core/watchdog.h"
#include "kernel/dev/console.h"
#include "kernel/dev/cpu_device.h"
#include "kernel/dev/fb/fb_device.h"
#include "kernel/dev/fb/fbterm.h"
#include "kernel/dev/fb/screen.h"
#include "kernel/dev/input.h"
#include "kernel/dev/mem.h"
#include "kernel/dev/printer.h"
#include "kernel/dev/sysfs/sysfs.h"
#include "kernel/dev/tty/pty.h"
#include "kernel/dev/tty/tty_serial.h"
#include "kernel/fs/devfs/devfs.h"
#include "kernel/fs/ramfs/initrd.h"
#include "kernel/fs/vfs/mount.h"
#include "kernel/lib/bootinfo.h"
#include "kernel/lib/cfg.h"
#include "kernel/lib/klog.h"
#include "kernel/lib/string.h"
#include "kernel/lib/version.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/tables.h"
#include "kernel/mm/vmalloc.h"
#include "kernel/plat/acpi.h"
#include "kernel/plat/clocks.h"
#include "kernel/plat/cpu_topology.h"
#include "kernel/plat/efi_runtime.h"
#include "kernel/plat/interrupts.h"
#include "kernel/plat/ioapic.h"
#include "kernel/plat/lapic.h"
#include "kernel/plat/mca.h"
#include "kernel/plat/pci.h"
#include "kernel/plat/power.h"
#include "kernel/plat/rtc.h"
#include "kernel/plat/serial.h"
#include "kernel/plat/smbios.h"
#include "kernel/plat/smp.h"
#include "kernel/plat/tsc_rate.h"
#include "kernel/proc/exec/vdso.h"
#include "kernel/proc/futex/futex.h"
#include "kernel/proc/ipc/mqueue.h"
#include "kernel/proc/oom.h"
#include "kernel/proc/process.h"
#include "kernel/proc/procfs/procfs.h"
#include "kernel/proc/task_dump.h"
#include "kernel/proc/terminal.h"
#include "kernel/sched/deferred.h"
#include "kernel/sched/sched.h"
#include "kernel/selftest/inject.h"
#include "kernel/selftest/report_keep.h"
#include "kernel/selftest/run.h"
#include "kernel/selftest/shell.h"
#include "kernel/selftest/stay.h"
#include "kernel/syscall/net/user_socket.h"
#include "kernel/syscall/trace.h"
#include "kernel/vm/vm_space.h"
#include "shared/exitcode.h"

#define BOOT_SERVICES_SPARE (1ULL << 30) /* bytes free besides: then theirs is not needed */
#define VERSION_LINE        "Firstlight " VERSION_TEXT " starts.\n"

static uint64_t kernel_entry_tsc;
static uint64_t clock_wait_tsc; /* what learning rate and date took: it depends on their phase */
/* The block stays mapped and unchanged; nothing is copied out of it. */
static const struct bootinfo *bootinfo;

/* For a person at the screen, then for a harness that reads the exit code of an emulator. */
NORETURN static void panic_end(void)
{
    fbterm_big("PANIC", FBTERM_RED);
    power_debug_exit(DEBUG_EXIT_PANIC);
    report_keep_panic();
    power_halt();
}

/* Everything that the loader hands over lies in the direct map; bootinfo_check has verified it. */
static const void *direct(const struct bootinfo_extent *extent)
{
    return (const void *)(DIRECT_BASE + extent->base);
}

/* First of all, so that every panic is seen: the screen needs neither memory nor a log. It was set
 * up by the firmware and keeps its mode; the loader has mapped it. The block is not checked yet: of
 * one that the loader has not made nothing is used. */
COLD static void screen_start(void)
{
    const struct bootinfo_framebuffer *fb = &bootinfo->framebuffer;

    if (bootinfo->magic != BOOTINFO_MAGIC || bootinfo->version != BOOTINFO_VERSION ||
        bootinfo->size != sizeof(*bootinfo))
        return;
    /* Its failure is told by screen_tell, once there is a log. */
    if (screen_init(fb, (volatile void *)SCREEN_ADDRESS(fb->base)))
        return;
}

/* Nothing works yet: faults, panics and the log come first. */
static void processor_start(void)
{
    features_detect();
    idt_init();
    cpu_init(&cpu_boot, 0);
    printer_init();
    panic_set_end(panic_end);
    features_enable();
    serial_init();
    /* On the screen alone: what the firmware left there goes, and a kernel that hangs has been. */
    fbterm_write(VERSION_LINE, sizeof(VERSION_LINE) - 1);
    fbterm_flush();
}

/* panic=POINT: for the test that a panic is seen from the first checked byte on. Later kinds are
 * selftest/inject.c's. */
COLD NOINLINE static void start_point(const char *point)
{
    char word[CFG_WORD_MAX + 1];

    if (cfg_find(bootinfo_cmdline(bootinfo), "panic", word, sizeof(word)) && !strcmp(word, point))
        panic("asked for by panic=%s", point);
}

/* Before any pointer of the block is followed. */
static void bootinfo_start(void)
{
    uint64_t mapped = bootinfo->block_size;
    const char *fault = bootinfo_check(bootinfo, mapped);

    if (fault)
        panic("hand-over from the loader: %s", fault);
    if (bootinfo->kernel_file.size)
        backtrace_set_symbols(direct(&bootinfo->kernel_file), bootinfo->kernel_file.size);
    start_point("first");
}

static bool memory_is_direct(uint64_t physical, size_t nbytes)
{
    const struct bootinfo_range *ranges = bootinfo_ranges(bootinfo);

    for (uint32_t i = 0; i < bootinfo->ranges_count; i++)
        if (bootinfo_type_is_direct(ranges[i].type) && ranges[i].base <= physical &&
            physical + nbytes <= ranges[i].base + ranges[i].npages * PAGE_SIZE)
            return true;
    return false;
}

/* RAM of any use, the firmware's as well; bad memory is none. */
static uint64_t memory_in_map(void)
{
    const unsigned others = 1u << BOOTINFO_RESERVED | 1u << BOOTINFO_MMIO | 1u << BOOTINFO_UNUSABLE;
    const struct bootinfo_range *ranges = bootinfo_ranges(bootinfo);
    uint64_t npages = 0;

    for (uint32_t i = 0; i < bootinfo->ranges_count; i++)
        if (!(1u << ranges[i].type & others))
            npages += ranges[i].npages;
    return npages * PAGE_SIZE;
}

/* Tables first: the frame allocator writes its descriptors through them. What they no longer need
 * is given to it last. */
static void memory_start(void)
{
    const char *fault = tables_verify(bootinfo);

    if (fault)
        panic("page tables from the loader: %s", fault);
    thread_init_boot(tables_kernel_root());
    smbios_init(bootinfo->smbios, memory_is_direct);
    pmm_init(bootinfo);
    slab_init();
    tables_adopt(bootinfo);
    smbios_init(bootinfo->smbios, NULL);
}

/* IST stacks with guard pages, in place of those of the image. */
static void stacks_start(void)
{
    for (unsigned i = 1; i <= CPU_IST_COUNT; i++) {
        void *top = kstack_create();

        if (!top)
            panic("not enough memory for the kernel's stacks");
        cpu_set_ist(&cpu_boot, (enum cpu_ist)i, (uint64_t)top);
    }
}

/* ACPI first: it names the timers that the rate is measured with, and the local APIC's timer needs
 * that rate. */
static void time_start(void)
{
    const char *source;
    uint64_t hz, date;

    acpi_init(bootinfo->rsdp);
    power_init();
    clock_wait_tsc = tsc_read();
    hz = tsc_calibrate(acpi_info(), &source);
    date = rtc_read(acpi_info());
    clock_wait_tsc = tsc_read() - clock_wait_tsc;
    clock_init(hz, kernel_entry_tsc, date);
    /* Digits that are the same from boot to boot: a measurement is good for four. */
    klog("clock: TSC at %llu MHz, by %s", (unsigned long long)(hz + 500000) / 1000000, source);
    /* There is no fall-back to the 8259 and the PIT: every x86-64 processor has a local APIC. */
    if (lapic_init(acpi_info(), hz))
        panic("no usable local APIC: this machine cannot be driven");
    clocks_begin(acpi_info(), date);
    interrupts_init();
    ioapic_init(acpi_info());
    klog("interrupts: %s", lapic_description());
}

/* The serial line is enough; a machine without a screen is not an error. */
COLD static void screen_tell(void)
{
    const struct bootinfo_framebuffer *fb = &bootinfo->framebuffer;

    if (fbterm_present())
        klog("screen: %ux%u pixels at 0x%llx", fb->width, fb->height, (unsigned long long)fb->base);
    else
        klog("screen: none that can be used: serial only");
}

/* The log's head: enough to reproduce a report. */
static void greet(void)
{
    klog("Firstlight %s on %s, %s", VERSION_TEXT, features.brand, bootinfo_firmware(bootinfo));
    klog("processor:%s%s%s%s%s%s%s%s", features.nx ? " NX" : "", features.smep ? " SMEP" : "",
         features.smap ? " SMAP" : "", features.umip ? " UMIP" : "",
         features.fsgsbase ? " FSGSBASE" : "", features.pge ? " PGE" : "",
         features.xsave ? " XSAVE" : "", features.avx ? " AVX" : "");
    klog("firmware left cr0 %llx cr4 %llx efer %llx apic base %llx",
         (unsigned long long)bootinfo->entry_state.cr0,
         (unsigned long long)bootinfo->entry_state.cr4,
         (unsigned long long)bootinfo->entry_state.efer,
         (unsigned long long)bootinfo->entry_state.apic_base);
    klog("devices: bus mastering taken from %u bridges and %u others", bootinfo->dma.bridges,
         bootinfo->dma.devices);
    cmdline_init(bootinfo_cmdline(bootinfo));
}

/* Memory below 1 MiB stays out, as in pmm_init. */
static void ranges_free(enum bootinfo_type type, bool poison)
{
    const struct bootinfo_range *ranges = bootinfo_ranges(bootinfo);

    for (uint32_t i = 0; i < bootinfo->ranges_count; i++) {
        uint64_t base = ranges[i].base;

        if (ranges[i].type != type || base < 0x100000)
            continue;
        if (poison)
            memset((void *)(DIRECT_BASE + base), 0xcc, ranges[i].npages * PAGE_SIZE);
        pmm_give(base >> PAGE_SHIFT, ranges[i].npages);
    }
}

/* efi=noruntime, as on Linux: for firmware that does not survive a call. */
static bool runtime_services_wanted(void)
{
    char word[16];

    return !cmdline_find("efi", word, sizeof(word)) || strcmp(word, "noruntime") != 0;
}

/* Runtime services of some firmware still use memory of boot services. Where there is plenty of
 * other memory, this stays out of use. */
static bool boot_services_memory_waits(void)
{
    return runtime_services_wanted() && pmm_free_count() * PAGE_SIZE >= BOOT_SERVICES_SPARE;
}

/* The loader's first, poisoned: code that still relies on it fails at once. */
static void loader_memory_free(void)
{
    bool waits;

    ranges_free(BOOTINFO_LOADER, true);
    waits = boot_services_memory_waits();
    if (waits) {
        klog("memory: that of boot services stays out of use: runtime services may need it");
    } else {
        ranges_free(BOOTINFO_BOOT_SERVICES, false);
        ranges_free(BOOTINFO_BOOT_CODE, false);
    }
    klog("memory: %llu MiB, %llu KiB free",
         (unsigned long long)(pmm_total_count() * PAGE_SIZE >> 20),
         (unsigned long long)(pmm_free_count() * PAGE_SIZE >> 10));
    if (runtime_services_wanted())
        efi_runtime_init(bootinfo, waits);
    if (efi_runtime_alive())
        power_set_firmware(efi_runtime_reset);
}

/* A root filesystem without /dev or /proc is a broken image, hence a panic and not a message. */
static void files_start(void)
{
    struct initrd_report report = {0};

    fs_init();
    user_socket_init();
    if (initrd_populate(direct(&bootinfo->rootfs), bootinfo->rootfs.size, &report))
        panic("rootfs.cpio: %s", report.fault);
    if (devfs_mount() || mem_devices_init() || mem_physical_init(bootinfo) ||
        console_devices_init() || pty_devices_init() || fb_device_init(&bootinfo->framebuffer) ||
        procfs_start(bootinfo) || mqueue_init())
        panic("no directories /dev and /proc, or not enough memory for them");
    if (sysfs_start(bootinfo))
        klog("root: no directory /sys, so no program sees hardware there");
    klog("root: %llu entries, %llu KiB of file data used in place",
         (unsigned long long)report.nentries, (unsigned long long)(report.nbytes_in_place >> 10));
    if (bootinfo->inventory.size &&
        initrd_populate(direct(&bootinfo->inventory), bootinfo->inventory.size, &report))
        klog("inventory: %s", report.fault);
}

/* keymap=: before the first key is of any use. */
static void layout_apply(void)
{
    char name[32];
    int err = cmdline_find("keymap", name, sizeof(name)) ? input_set_layout(name) : 0;

    if (err)
        klog("keyboard: no layout '%s' (error %d): as in the United States", name, -err);
}

/* Options that change how programs are treated. Before the first program runs. */
static void options_apply(void)
{
    char value[16];

    if (cmdline_find("wx", value, sizeof(value)) && !strcmp(value, "deny"))
        vm_deny_wx();
}

/* Flushed before anything that ends the machine: the log's last lines are the ones that matter. */
NORETURN static void boot_finish(bool passed)
{
    char after[16] = "poweroff";
    bool again;

    /* A value that is too long or absent leaves the default. */
    cmdline_find("after", after, sizeof(after));
    /* What the plan has printed, before a shell or the power-off. */
    output_flush();
    again = !strcmp(after, "reboot") && stay_starts_again(passed);
    report_keep_finish(again                                               ? REPORT_REBOOT
                       : !strcmp(after, "shell") || !strcmp(after, "halt") ? REPORT_GO_ON
                                                                           : REPORT_POWER_OFF);
    output_flush();
    if (again)
        power_reboot();
    if (!strcmp(after, "shell")) {
        screen_shrink();
        shell_run();
        output_flush();
        power_off();
    }
    if (!strcmp(after, "halt"))
        power_halt();
    if (strcmp(after, "poweroff") != 0 && strcmp(after, "reboot") != 0)
        klog("command line: after=%s is not understood: power off", after);
    stay_verdict();
    output_flush();
    power_debug_exit(passed ? DEBUG_EXIT_PASS : DEBUG_EXIT_FAIL);
    power_off();
}

/* A processor other than the first: it answers IPIs first, then may be given threads, and is
 * counted last. From here on it runs what the scheduler gives it. */
static void processor_run(void)
{
    timer_join();
    mca_join();
    ipi_join();
    watchdog_start();
    sched_join_cpu();
    smp_answer();
    sched_become_idle();
}

/* cpus=1 leaves the others off, for bisecting. */
static const struct cpu_census *processors_start(void)
{
    const struct smp_options options = {
        .trampoline = bootinfo->trampoline,
        .max_cpus = cmdline_number("cpus", UINT64_MAX),
        .is_mute = inject_is_mute,
        .late_apic_id = cmdline_number("late", UINT64_MAX),
        .run = processor_run,
    };

    return smp_start(acpi_info(), &options);
}

/* On the guarded stack, with everything there.
 *
 * Processors come before the printing thread: while it is not there, every caller prints by itself.
 */
NORETURN static void run(void *argument)
{
    struct selftest_input input = {
        /* NULL: the plan of the root filesystem is read instead; an empty one stays empty. */
        .plan = bootinfo->plan.size      ? direct(&bootinfo->plan)
                : bootinfo->plan_present ? ""
                                         : NULL,
        .plan_nbytes = bootinfo->plan.size,
        .firmware = bootinfo_firmware(bootinfo),
        .memory_bytes = pmm_total_count() * PAGE_SIZE,
        .map_bytes = memory_in_map(),
        .loader_entry_tsc = bootinfo->stamps.loader_entry,
        .kernel_entry_tsc = kernel_entry_tsc,
        .clock_wait_tsc = clock_wait_tsc,
    };

    (void)argument;
    options_apply();
    irq_enable();
    mca_join();
    input.processors = processors_start();
    if (sched_cpus_online() > 1) /* another processor has to be there to notice */
        watchdog_start();
    cpu_topology_init();
    if (cpu_devices_init())
        panic("not enough memory for the processors' devices");
    trace_init();
    report_keep_init(bootinfo);
    if (deferred_start())
        panic("not enough memory for the thread of deferred work");
    if (printer_start())
        panic("not enough memory for the thread that prints");
    if (tty_serial_init(threads_print) || input_init())
        panic("not enough memory for the terminal");
    layout_apply();
    boot_finish(selftest_run(&input));
}

/* The order is that of the rooms, as far as it can be. */
void kernel_main(const struct bootinfo *info)
{
    void *stack;

    /* First of all: the clock starts here. */
    kernel_entry_tsc = tsc_read();
    bootinfo = info;
    screen_start();
    processor_start();
    bootinfo_start();
    memory_start();
    start_point("memory");
    stacks_start();
    time_start();
    screen_tell();
    greet();
    random_init(bootinfo->seed);
    loader_memory_free();
    pci_init();
    vm_init();
    process_init();
    futex_init();
    oom_init();
    vdso_init();
    terminal_init();
    start_point("files");
    files_start();

    /* With a guard page; the image's stack is left for good. */
    stack = kstack_create();
    if (!stack)
        panic("not enough memory for the kernel's stacks");
    thread_set_boot_stack((uint64_t)stack);
    sched_init_cpu();
    arch_run_on_stack((uint64_t)stack, run, NULL);
}
