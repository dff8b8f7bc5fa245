/* SPDX-License-Identifier: MIT */
/*
 * seccomp(2): the operations. What filters do is in proc/seccomp; prctl(2) has two of them, too,
 * without flags (sys_prctl.c).
 */
#include "kernel/proc/seccomp/seccomp.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"

/* Honoured: all flags of SET_MODE_FILTER that seccomp_set_filter honours. */
COLD int64_t sys_seccomp(struct task *self, unsigned operation, unsigned flags, struct uptr arg)
{
    static const struct lx_seccomp_notif_sizes sizes = {sizeof(struct lx_seccomp_notif),
                                                        sizeof(struct lx_seccomp_notif_resp),
                                                        sizeof(struct lx_seccomp_data)};
    uint32_t action;

    /* The one that has flags. */
    if (operation == LX_SECCOMP_SET_MODE_FILTER)
        return seccomp_set_filter(self, flags, arg);
    if (flags)
        return -EINVAL;
    switch (operation) {
    case LX_SECCOMP_SET_MODE_STRICT:
        return arg.va ? -EINVAL : seccomp_set_strict(self); /* an argument is for later versions */
    case LX_SECCOMP_GET_ACTION_AVAIL:
        if (vm_user_read(&action, arg, sizeof(action)))
            return -EFAULT;
        return seccomp_action_is_known(action) ? 0 : -EOPNOTSUPP;
    case LX_SECCOMP_GET_NOTIF_SIZES:
        return vm_user_write(arg, &sizes, sizeof(sizes));
    default:
        return -EINVAL;
    }
}
