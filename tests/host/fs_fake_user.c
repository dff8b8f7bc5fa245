/* SPDX-License-Identifier: MIT */
/* User memory is this program's own: any address but those declared bad or absent. */
#include "kernel/sched/hazard.h"
#include "kernel/sched/rcu.h"
#include "tests/host/fs_fake.h"

static uint64_t bad_from, bad_to;
static bool bad_readable;
static unsigned absent_chance;
static uint64_t present_page;
static uint64_t chance_state = 7;

void fake_set_bad_range(const void *base, size_t nbytes, bool readable)
{
    bad_from = (uint64_t)base;
    bad_to = bad_from + nbytes;
    bad_readable = readable;
}

void fake_set_absent_pages(unsigned chance)
{
    absent_chance = chance;
}

/* How many bytes from va on can be accessed. */
static size_t accessible(uint64_t va, size_t nbytes, bool write)
{
    if (va < USER_BASE || va >= USER_END)
        return 0;
    nbytes = MIN(nbytes, USER_END - va);
    if (bad_from == bad_to || (bad_readable && !write) || va + nbytes <= bad_from || va >= bad_to)
        return nbytes;
    return va >= bad_from ? 0 : bad_from - va;
}

int vm_user_read(void *dst, struct uptr src, size_t nbytes)
{
    size_t can = nbytes ? accessible(src.va, nbytes, false) : 0;

    assert_may_fault();
    if (can < nbytes)
        return -EFAULT;
    memcpy(dst, (const void *)src.va, nbytes);
    return 0;
}

int vm_user_check_zero(struct uptr from, size_t nbytes)
{
    char byte;

    for (size_t i = 0; i < nbytes; i++) {
        if (vm_user_read(&byte, (struct uptr){from.va + i}, 1))
            return -EFAULT;
        if (byte)
            return -E2BIG;
    }
    return 0;
}

int vm_user_write(struct uptr dst, const void *src, size_t nbytes)
{
    size_t can = nbytes ? accessible(dst.va, nbytes, true) : 0;

    assert_may_fault();
    if (can < nbytes)
        return -EFAULT;
    memcpy((void *)dst.va, src, nbytes);
    return 0;
}

int64_t vm_user_read_string(char *dst, struct uptr src, size_t size)
{
    assert_may_fault();
    for (size_t i = 0; i < size; i++) {
        if (!accessible(src.va + i, 1, false))
            return -EFAULT;
        dst[i] = ((const char *)src.va)[i];
        if (!dst[i])
            return (int64_t)i;
    }
    return -ENAMETOOLONG;
}

void user_iter_init_kernel(struct user_iter *io, void *buffer, size_t nbytes)
{
    *io = (struct user_iter){.kernel = buffer, .left = nbytes};
}

void user_iter_init_user(struct user_iter *io, const struct user_iter_segment *segments,
                         size_t nbytes)
{
    *io = (struct user_iter){.next = segments, .left = nbytes};
}

enum move { PUT, PUT_ZERO, GET };

static void move_bytes(char *there, void *here, size_t nbytes, enum move move)
{
    if (move == PUT)
        memcpy(there, here, nbytes);
    else if (move == PUT_ZERO)
        memset(there, 0, nbytes);
    else
        memcpy(here, there, nbytes);
}

/* With absent pages, a copy goes on to the end of the page that was brought in last at most. */
static size_t present(uint64_t va, size_t nbytes)
{
    size_t in_page = PAGE_SIZE - (va & PAGE_MASK);

    if (absent_chance == 0 || next_random(&chance_state) % 256 >= absent_chance)
        return nbytes;
    return present_page == va >> PAGE_SHIFT ? MIN(nbytes, in_page) : 0;
}

static void piece_find(struct user_iter *io)
{
    for (; io->here == 0; io->next++) {
        io->va = io->next->base.va;
        io->here = io->next->nbytes;
    }
}

static size_t io_move(struct user_iter *io, void *here, size_t nbytes, enum move move, bool nofault)
{
    size_t done = 0;

    nbytes = MIN(nbytes, io->left);
    if (io->kernel) {
        move_bytes(io->kernel, here, nbytes, move);
        io->kernel += nbytes;
        io->left -= nbytes;
        return nbytes;
    }
    while (done < nbytes) {
        uint64_t va;
        size_t piece, can;

        piece_find(io);
        va = io->va;
        piece = MIN(nbytes - done, io->here);
        can = accessible(va, piece, move != GET);
        if (nofault)
            can = MIN(can, present(va, piece));
        move_bytes((char *)va, here ? (char *)here + done : NULL, can, move);
        io->va += can;
        io->here -= can;
        io->left -= can;
        done += can;
        if (can < piece)
            break;
    }
    return done;
}

size_t user_iter_put(struct user_iter *io, const void *src, size_t nbytes)
{
    assert_may_fault();
    return io_move(io, (void *)(uintptr_t)src, nbytes, PUT, false);
}

size_t user_iter_put_zero(struct user_iter *io, size_t nbytes)
{
    assert_may_fault();
    return io_move(io, NULL, nbytes, PUT_ZERO, false);
}

size_t user_iter_get(struct user_iter *io, void *dst, size_t nbytes)
{
    assert_may_fault();
    return io_move(io, dst, nbytes, GET, false);
}

size_t user_iter_put_nofault(struct user_iter *io, const void *src, size_t nbytes)
{
    return io_move(io, (void *)(uintptr_t)src, nbytes, PUT, true);
}

size_t user_iter_put_zero_nofault(struct user_iter *io, size_t nbytes)
{
    return io_move(io, NULL, nbytes, PUT_ZERO, true);
}

void (*fake_on_copy)(void);

size_t user_iter_get_nofault(struct user_iter *io, void *dst, size_t nbytes)
{
    size_t moved = io_move(io, dst, nbytes, GET, true);

    if (fake_on_copy)
        fake_on_copy();
    return moved;
}

/* No host test waits for an epoll. */
int vm_user_write_pair_nofault(struct uptr dst, uint32_t first, uint64_t second)
{
    (void)dst, (void)first, (void)second;
    abort();
}

int vm_user_fault_in(struct uptr dst, size_t nbytes)
{
    (void)dst, (void)nbytes;
    abort();
}

int user_iter_fault_in(const struct user_iter *io, bool write)
{
    struct user_iter at = *io;

    assert_may_fault();
    if (io->kernel || !io->left)
        return 0;
    piece_find(&at);
    if (!accessible(at.va, 1, write))
        return -EFAULT;
    present_page = at.va >> PAGE_SHIFT;
    return 0;
}

/* One page at a time is all that is ever there: whoever asks for more has to go on piece by piece.
 */
void user_iter_fault_in_all(const struct user_iter *io)
{
    (void)io;
    assert_may_fault();
}

/* --- readers without locks: there is one thread --- */

void (*fake_on_drain)(void);
static const void *hazard;
static bool rcu_reader;

void hazard_enter(const void *object)
{
    assert_null(hazard);
    hazard = object;
}

void hazard_leave(void)
{
    hazard = NULL;
}

void hazard_drain(const void *object)
{
    if (hazard == object && fake_on_drain)
        fake_on_drain();
    assert_true(hazard != object);
}

void rcu_read_lock(void)
{
    assert_false(rcu_reader);
    rcu_reader = true;
}

void rcu_read_unlock(void)
{
    assert_true(rcu_reader);
    rcu_reader = false;
}

void rcu_call(struct rcu_head *head, void (*function)(struct rcu_head *head))
{
    function(head);
}
