/* SPDX-License-Identifier: MIT */
/*
 * Reading and deleting the variables of shared/report.h.
 *
 * The first variable decides: its id is that of the boot, and others with another id are older
 * leftovers. Text ends where a variable is missing.
 */
#include "efi-loader/verdict.h"

#include "kernel/lib/string.h"
#include "shared/linux/errno.h"

#define STAY_MAX 86400 /* a day */

struct variable {
    struct report_header header;
    char text[REPORT_VARIABLE_TEXT];
};

static EFI_GUID report_guid = REPORT_GUID;

static CHAR16 *name_of(unsigned index)
{
    static CHAR16 name[] = REPORT_VARIABLE_NAME u"0";

    name[ARRAY_SIZE(name) - 2] = (CHAR16)(u'0' + index);
    return name;
}

/* What is too large for the buffer is not ours either. */
static int variable_read(EFI_RUNTIME_SERVICES *rs, unsigned index, struct variable *variable)
{
    const struct report_header *header = &variable->header;
    UINTN nbytes = sizeof(*variable);
    EFI_STATUS status = rs->GetVariable(name_of(index), &report_guid, NULL, &nbytes, variable);

    if (EFI_ERROR(status))
        return status == EFI_BUFFER_TOO_SMALL ? -EINVAL : -ENOENT;
    if (nbytes < sizeof(*header) || header->magic != REPORT_MAGIC || header->index != index ||
        header->count == 0 || header->count > REPORT_VARIABLES ||
        header->action >= REPORT_NACTIONS || header->nbytes != nbytes - sizeof(*header))
        return -EINVAL;
    return 0;
}

static void text_append(struct verdict *verdict, const struct variable *variable)
{
    memcpy(verdict->text + verdict->length, variable->text, variable->header.nbytes);
    verdict->length += variable->header.nbytes;
    verdict->text[verdict->length] = '\0';
}

int verdict_read(EFI_RUNTIME_SERVICES *rs, struct verdict *verdict)
{
    static struct variable variable;
    unsigned count;
    int err = variable_read(rs, 0, &variable);

    if (err)
        return err;
    count = variable.header.count;
    verdict->id = variable.header.id;
    verdict->number = variable.header.number;
    verdict->action = (enum report_action)variable.header.action;
    verdict->stay = MIN(variable.header.stay, STAY_MAX);
    verdict->cut = false;
    verdict->length = 0;
    text_append(verdict, &variable);
    for (unsigned i = 1; i < count && !verdict->cut; i++) {
        verdict->cut = variable_read(rs, i, &variable) != 0 || variable.header.id != verdict->id;
        if (!verdict->cut)
            text_append(verdict, &variable);
    }
    return 0;
}

/* Where that fails the verdict goes: a stick that ends the machine at every start is worse. */
int verdict_defer(EFI_RUNTIME_SERVICES *rs)
{
    static struct variable variable;
    int err = variable_read(rs, 0, &variable);

    if (!err && variable.header.action == REPORT_GO_ON)
        return 0;
    variable.header.action = REPORT_GO_ON;
    if (!err &&
        EFI_ERROR(rs->SetVariable(name_of(0), &report_guid, REPORT_ATTRIBUTES,
                                  sizeof(variable.header) + variable.header.nbytes, &variable)))
        err = -EIO;
    return err ? verdict_delete(rs) : 0;
}

int verdict_delete(EFI_RUNTIME_SERVICES *rs)
{
    int err = 0;

    for (unsigned i = 0; i < REPORT_VARIABLES; i++) {
        EFI_STATUS status = rs->SetVariable(name_of(i), &report_guid, REPORT_ATTRIBUTES, 0, NULL);

        if (EFI_ERROR(status) && status != EFI_NOT_FOUND)
            err = -EIO;
    }
    return err;
}
