/* SPDX-License-Identifier: MIT */
/*
 * Calls of EFI runtime services, bounded.
 *
 * A call is set up here and made by arch/x86_64/efi_call.S. While it lasts a timer is pending, so
 * that an interrupt comes after the deadline even if nothing else happens; the interrupt ends the
 * call (efi_call.c). Firmware that turns interrupts off and hangs is found by the watchdog of
 * another processor, whose NMI ends the call likewise; with one processor it hangs the machine.
 *
 * Pointers given to firmware are kernel addresses: the kernel half is in its page table.
 *
 * Offsets: UEFI 2.10 section 4.5.1. Status: appendix D.
 */
#include "kernel/plat/efi_runtime.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/efi_call.h"
#include "kernel/arch/x86_64/fpu.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/thread.h"
#include "kernel/arch/x86_64/tsc.h"
#include "kernel/core/clock.h"
#include "kernel/core/timer.h"
#include "kernel/lib/klog.h"
#include "kernel/mm/pmm.h"
#include "kernel/plat/efi_tables.h"
#include "shared/bootinfo.h"
#include "shared/linux/errno.h"

enum efi_service {
    EFI_GET_TIME = 24,
    EFI_GET_VARIABLE = 72,
    EFI_NEXT_VARIABLE = 80,
    EFI_SET_VARIABLE = 88,
    EFI_RESET_SYSTEM = 104,
    EFI_QUERY_VARIABLE_INFO = 128,
};

#define EFI_RESET_COLD     0
#define EFI_RESET_SHUTDOWN 2

#define EFI_ERROR_BIT        0x8000000000000000ULL
#define EFI_BUFFER_TOO_SMALL (EFI_ERROR_BIT | 5)
#define EFI_WRITE_PROTECTED  (EFI_ERROR_BIT | 8)
#define EFI_OUT_OF_RESOURCES (EFI_ERROR_BIT | 9)
#define EFI_NOT_FOUND        (EFI_ERROR_BIT | 14)

static struct {
    uint64_t system_table; /* 0: there are no services */
    uint64_t cr3;
    void *fpu; /* the state that firmware expects */
    bool dead;
} efi;

static struct timer deadline;

/* The interrupt is all that is needed: efi_call_expire looks at the time. */
static void deadline_passed(struct timer *timer)
{
    (void)timer;
}

COLD void efi_runtime_init(const struct bootinfo *info, bool boot_services)
{
    struct frame *frame = pmm_alloc(0, PMM_ZERO);

    timer_init(&deadline, deadline_passed);
    efi.cr3 = info->efi_system_table ? efi_tables_build(info, boot_services) : 0;
    if (!frame || !efi.cr3) {
        klog("efi: runtime services cannot be used");
        return;
    }
    _Static_assert(FPU_AREA_MAX <= PAGE_SIZE, "an area fits a frame");
    efi.fpu = frame_address(frame);
    fpu_area_init(efi.fpu);
    efi.system_table = info->efi_system_table;
    klog("efi: runtime services, with the rights of %u ranges by the memory attributes table",
         info->runtime_count);
}

bool efi_runtime_alive(void)
{
    return efi.system_table && !efi.dead;
}

/* Firmware may use the vector registers and turn interrupts off; both are put back. */
static uint64_t call_prepared(struct efi_call *call)
{
    struct arch_thread *thread = cpu_self()->thread;
    bool interrupts = irq_enabled();
    uint64_t status;

    if (thread->fpu)
        fpu_save(thread->fpu);
    fpu_restore(efi.fpu);
    if (interrupts)
        timer_start(&deadline, clock_monotonic_ns() + EFI_TIMEOUT_NS);
    call->deadline_tsc = tsc_read() + clock_ns_to_ticks(EFI_TIMEOUT_NS);
    status = efi_call_run(call);
    if (interrupts) {
        irq_enable();
        timer_stop(&deadline);
    } else {
        irq_disable();
    }
    if (thread->fpu)
        fpu_restore(thread->fpu);
    return status;
}

static int error_of(uint64_t status)
{
    switch (status) {
    case EFI_BUFFER_TOO_SMALL:
    case EFI_OUT_OF_RESOURCES:
        return -ENOSPC;
    case EFI_WRITE_PROTECTED:
        return -EROFS;
    case EFI_NOT_FOUND:
        return -ENOENT;
    default:
        return status & EFI_ERROR_BIT ? -EIO : 0;
    }
}

static int service_call(enum efi_service service, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                        uint64_t e)
{
    struct efi_call call = {
        .system_table = efi.system_table,
        .service = service,
        .args = {a, b, c, d, e},
        .cr3 = efi.cr3,
    };
    uint64_t status;

    if (!efi_runtime_alive())
        return -ENODEV;
    status = call_prepared(&call);
    if (status == EFI_CALL_BUSY)
        return -EBUSY;
    if (status != EFI_CALL_ABANDONED)
        return error_of(status);
    efi.dead = true;
    if (irq_enabled()) /* not in a panic */
        klog("efi: runtime service %u faulted or did not come back: none is called any more",
             service);
    return -ENODEV;
}

static uint64_t argument_of(const void *pointer)
{
    return (uint64_t)pointer;
}

int efi_variable_set(const uint16_t *name, const struct efi_guid *guid, uint32_t attributes,
                     const void *data, size_t nbytes)
{
    return service_call(EFI_SET_VARIABLE, argument_of(name), argument_of(guid), attributes, nbytes,
                        argument_of(data));
}

/* Firmware writes attributes only where it finds a place for them. */
int efi_variable_get(const uint16_t *name, const struct efi_guid *guid, void *data, size_t *nbytes,
                     uint32_t *attributes)
{
    return service_call(EFI_GET_VARIABLE, argument_of(name), argument_of(guid),
                        argument_of(attributes), argument_of(nbytes), argument_of(data));
}

/* The name that is given is the firmware's place in its list: it keeps none itself. */
int efi_variable_next(uint16_t *name, size_t *nbytes, struct efi_guid *guid)
{
    return service_call(EFI_NEXT_VARIABLE, argument_of(nbytes), argument_of(name),
                        argument_of(guid), 0, 0);
}

int efi_variable_room(uint32_t attributes, uint64_t *out_nbytes)
{
    uint64_t whole = 0, left = 0, largest = 0;
    int err = service_call(EFI_QUERY_VARIABLE_INFO, attributes, argument_of(&whole),
                           argument_of(&left), argument_of(&largest), 0);

    if (!err)
        *out_nbytes = left;
    return err;
}

int efi_time_get(struct efi_time *out_time)
{
    struct efi_time time = {0};
    int err = service_call(EFI_GET_TIME, argument_of(&time), 0, 0, 0, 0);

    if (!err)
        *out_time = time;
    return err;
}

void efi_runtime_reset(bool off)
{
    (void)service_call(EFI_RESET_SYSTEM, off ? EFI_RESET_SHUTDOWN : EFI_RESET_COLD, 0, 0, 0, 0);
}
