/* SPDX-License-Identifier: MIT */
/*
 * Keys: from the keyboard's interrupt to the reader of text.
 *
 * The interrupt stores scan codes in a ring with one writer (the interrupt, or the timer in its
 * place) and one reader (the thread), so no lock is needed: each side owns one index and publishes
 * it with release order. A full ring loses keys, never order; a lost release is made good by the
 * next press of that key. The thread enters its queue before it looks at the ring, so no wake-up
 * is lost; those that wait for any key do the same with the count of keys.
 */
#include "kernel/dev/input.h"

#include "kernel/arch/x86_64/irq.h"
#include "kernel/core/clock.h"
#include "kernel/core/irq.h"
#include "kernel/core/timer.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/fs/vfs/open.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/keyboard.h"
#include "kernel/lib/klog.h"
#include "kernel/lib/string.h"
#include "kernel/plat/acpi.h"
#include "kernel/plat/i8042.h"
#include "kernel/plat/ioapic.h"
#include "kernel/plat/lapic.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/waitq.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

#define LAYOUTS   "/etc/firstlight/keymaps"
#define RING_SIZE 64u         /* a power of two */
#define POLL_NS   10000000ULL /* where there is no interrupt */

static struct keyboard keyboard; /* the thread's */
static struct keymap map;        /* [a] torn at worst: a key typed meanwhile is of either layout */
static bool present;
static uint8_t codes[RING_SIZE];
static uint32_t head, tail; /* [a] written by the interrupt; by the thread */
static uint32_t nkeys;      /* [a] */
static struct waitq work, key_pressed;
static struct thread server;
static struct timer poll_timer;
static void (*text_reader)(const char *text, size_t nbytes); /* [a] */
static void (*key_hook)(void);                               /* [a] */

static void code_store(uint8_t byte)
{
    if (head - __atomic_load_n(&tail, __ATOMIC_ACQUIRE) == RING_SIZE)
        return;
    codes[head % RING_SIZE] = byte;
    __atomic_store_n(&head, head + 1, __ATOMIC_RELEASE);
}

static void codes_collect(void)
{
    uint32_t before = head;

    i8042_interrupt(code_store);
    if (head != before)
        waitq_wake_all(&work);
}

static void keyboard_interrupt(void)
{
    codes_collect();
    lapic_eoi();
}

static void keyboard_poll(struct timer *timer)
{
    codes_collect();
    timer_start(timer, clock_monotonic_ns() + POLL_NS);
}

void input_key_note(void)
{
    void (*hook)(void) = __atomic_load_n(&key_hook, __ATOMIC_ACQUIRE);

    __atomic_fetch_add(&nkeys, 1, __ATOMIC_RELEASE);
    if (hook)
        hook();
    waitq_wake_all(&key_pressed);
}

static void code_handle(uint8_t byte)
{
    void (*reader)(const char *, size_t) = __atomic_load_n(&text_reader, __ATOMIC_ACQUIRE);
    char text[KEYBOARD_TEXT_MAX];
    struct key_event event;
    size_t nbytes;

    if (!keyboard_decode(&keyboard, byte, &event))
        return;
    nbytes = keyboard_text(&keyboard, &map, &event, text);
    if (reader && nbytes)
        reader(text, nbytes);
    if (event.pressed && !keyboard_is_modifier(event.key))
        input_key_note();
}

NORETURN static void input_serve(void *argument)
{
    (void)argument;
    sched_first();
    for (;;) {
        struct waiter waiter;

        while (tail != __atomic_load_n(&head, __ATOMIC_ACQUIRE)) {
            uint8_t byte = codes[tail % RING_SIZE];

            __atomic_store_n(&tail, tail + 1, __ATOMIC_RELEASE);
            code_handle(byte);
        }
        waitq_enter(&work, &waiter);
        if (tail == __atomic_load_n(&head, __ATOMIC_ACQUIRE)) {
            int err = waitq_sleep(&waiter, 1, 0);
            ASSERT(!err); /* a kernel thread gets no signals */
        }
        waitq_leave(&work, &waiter);
    }
}

uint32_t input_key_count(void)
{
    return __atomic_load_n(&nkeys, __ATOMIC_ACQUIRE);
}

bool input_key_wait(uint32_t count, uint64_t timeout_ns)
{
    uint64_t deadline = clock_monotonic_ns() + timeout_ns;
    bool pressed = false;

    while (!pressed && clock_monotonic_ns() < deadline) {
        struct waiter waiter;
        int err = 0;

        waitq_enter(&key_pressed, &waiter);
        pressed = input_key_count() != count;
        if (!pressed)
            err = waitq_sleep(&waiter, 1, deadline);
        waitq_leave(&key_pressed, &waiter);
        ASSERT(!err || err == -ETIMEDOUT); /* the boot thread gets no signals */
    }
    return pressed;
}

bool input_present(void)
{
    return present;
}

void input_set_hook(void (*hook)(void))
{
    __atomic_store_n(&key_hook, hook, __ATOMIC_RELEASE);
}

void input_set_reader(void (*reader)(const char *text, size_t nbytes))
{
    __atomic_store_n(&text_reader, reader, __ATOMIC_RELEASE);
}

/* A record at a time: the file has many of a kilobyte each. */
static int layout_find(struct file *file, const char *name)
{
    static struct keymap_record record;

    for (int64_t at = 0;; at += (int64_t)sizeof(record)) {
        int64_t got = file_read_kernel(file, &record, sizeof(record), at);

        if (got != (int64_t)sizeof(record))
            return got < 0 ? (int)got : -ENOENT;
        record.name[sizeof(record.name) - 1] = '\0';
        if (!strcmp(record.name, name)) {
            map = record.map;
            return 0;
        }
    }
}

int input_set_layout(const char *name)
{
    struct fs_context *context;
    struct file *file;
    int err = fs_context_create(&context);

    if (err)
        return err;
    err = fs_open_path(context, LAYOUTS, LX_O_RDONLY, 0, &file);
    fs_context_destroy(context);
    if (err)
        return err;
    err = layout_find(file, name);
    file_put(file);
    return err;
}

/* The controller last of all: from its start on there may be interrupts. */
COLD int input_init(void)
{
    unsigned vector;
    uint64_t flags;
    int err;

    waitq_init(&work);
    waitq_init(&key_pressed);
    keymap_default(&map);
    err = thread_create(&server, input_serve, NULL);
    if (err)
        return err;
    sched_start(&server);
    present = i8042_init(acpi_info()) == 0;
    if (!present)
        return 0;
    err = ioapic_enable(I8042_IRQ, &vector);
    if (!err) {
        irq_set_handler(vector, keyboard_interrupt);
        /* An edge that came before the line was open would be the last one. */
        flags = irq_save();
        codes_collect();
        irq_restore(flags);
    } else {
        klog("keyboard: no interrupt (error %d): the controller is polled", -err);
        timer_init(&poll_timer, keyboard_poll);
        timer_start(&poll_timer, clock_monotonic_ns() + POLL_NS);
    }
    return 0;
}
