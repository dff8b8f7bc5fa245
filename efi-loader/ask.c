/* SPDX-License-Identifier: MIT */
/*
 * Calls into firmware with a time limit.
 *
 * UEFI has no way to end a call from outside. Its only other thread of control is the notification
 * of a timer event, and that is used: when the time is over while a question is still being asked,
 * the notification does not return, but goes on where ask() had been called (ask_switch.S). What
 * lies between, a driver in an endless loop, is left behind with the stack it was on. The
 * notification runs at TPL_NOTIFY, so no list of the firmware's core is being changed then; a
 * driver that hangs at that level or above cannot be left, and the watchdog cannot end it either.
 *
 * Left behind as well is the firmware's handler of the timer's interrupt, which called the
 * notification by lowering the task priority (TPL). Most handlers do not notice. Newer EDK II for
 * virtual machines counts on the end of that call: until then each interrupt at the same level
 * comes back with the level at TPL_HIGH_LEVEL, for the first handler to lower it, and no event is
 * served any more. So the level is looked at again after some interrupts, and where it has changed
 * the loader works at TPL_CALLBACK, whose interrupts are served. The end of boot services signals
 * events of that level: right before it the loader goes back (handover.c).
 *
 * The state of the abandoned driver is unknown. Therefore nothing is asked and no file written
 * afterwards; what the loader still calls is there to leave boot services.
 */
#include "efi-loader/ask.h"

#define SECOND        10000000ULL /* of 100 ns */
#define TICKS_US      100000      /* some of the timer's interrupts, each 55 ms apart at most */
#define LEVEL_TRIES   8
#define WATCHDOG_CODE 0x10000 /* as in files.c: codes from here on are not the firmware's */

/* ask_switch.S: 1, and 0 if ask_leave was called meanwhile. */
int ask_enter(void **stack, void (*question)(void *), void *argument);
void ask_leave(void **stack);

static EFI_BOOT_SERVICES *services;
static EFI_EVENT the_limit, the_end;
static void *the_stack;
static volatile bool being_asked, given_up;
static bool raised;

struct question {
    void (*ask)(void *argument);
    void *argument;
};

/* On the stack that ask_leave gives up: behind the answer, it must not be given up any more. */
static void question_run(void *of)
{
    const struct question *question = of;

    question->ask(question->argument);
    being_asked = false;
}

static void EFIAPI limit_passed(EFI_EVENT event, void *context)
{
    (void)event;
    (void)context;
    if (!being_asked)
        return;
    being_asked = false;
    ask_leave(&the_stack);
}

/* After ask_leave, at TPL_NOTIFY. */
static void level_settle(void)
{
    EFI_TPL level;

    services->RestoreTPL(TPL_APPLICATION);
    services->Stall(TICKS_US);
    level = services->RaiseTPL(TPL_HIGH_LEVEL);
    services->RestoreTPL(level);
    raised = level != TPL_APPLICATION;
    /* An interrupt between the two calls shows in what the second one gives back. */
    for (unsigned i = 0; raised && i < LEVEL_TRIES; i++) {
        services->RestoreTPL(TPL_APPLICATION);
        if (services->RaiseTPL(TPL_CALLBACK) == TPL_APPLICATION)
            break;
    }
}

bool ask_begin(EFI_BOOT_SERVICES *bs)
{
    services = bs;
    given_up = raised = false;
    if (EFI_ERROR(bs->CreateEvent(EVT_TIMER, 0, NULL, NULL, &the_end)))
        return false;
    if (EFI_ERROR(bs->CreateEvent(EVT_TIMER | EVT_NOTIFY_SIGNAL, TPL_NOTIFY, limit_passed, NULL,
                                  &the_limit))) {
        bs->CloseEvent(the_end);
        return false;
    }
    bs->SetWatchdogTimer(2 * ASK_ALL_SECONDS, WATCHDOG_CODE, 0, NULL);
    if (!EFI_ERROR(bs->SetTimer(the_end, TimerRelative, ASK_ALL_SECONDS * SECOND)))
        return true;
    ask_end();
    return false;
}

enum ask_result ask(void (*question)(void *), void *argument)
{
    if (given_up || services->CheckEvent(the_end) != EFI_NOT_READY ||
        EFI_ERROR(services->SetTimer(the_limit, TimerRelative, ASK_SECONDS * SECOND)))
        return ASK_LATE;
    struct question asked = {question, argument};
    being_asked = true;
    if (ask_enter(&the_stack, question_run, &asked)) {
        services->SetTimer(the_limit, TimerCancel, 0);
        return ASK_DONE;
    }
    given_up = true;
    level_settle();
    return ASK_HANGS;
}

bool ask_end(void)
{
    services->CloseEvent(the_limit);
    services->CloseEvent(the_end);
    return raised;
}

EFI_STATUS ask_protocol(EFI_BOOT_SERVICES *bs, EFI_HANDLE handle, EFI_GUID *guid, void **out)
{
    EFI_OPEN_PROTOCOL_INFORMATION_ENTRY *users = NULL;
    bool exclusive = false;
    UINTN count = 0;

    if (!EFI_ERROR(bs->OpenProtocolInformation(handle, guid, &users, &count))) {
        for (UINTN i = 0; i < count; i++)
            exclusive = exclusive || (users[i].Attributes & EFI_OPEN_PROTOCOL_EXCLUSIVE);
        if (users)
            bs->FreePool(users);
    }
    EFI_STATUS status = exclusive ? EFI_ACCESS_DENIED : bs->HandleProtocol(handle, guid, out);
    return !EFI_ERROR(status) && !*out ? EFI_NOT_FOUND : status;
}
