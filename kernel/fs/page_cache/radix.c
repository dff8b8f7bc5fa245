/* SPDX-License-Identifier: MIT */
/*
 * A radix tree from the index of a page to its frame, in nodes of 16 slots.
 *
 * It is as high as its largest index requires, and no higher: a tree with the page of index 0 alone
 * has no node at all, its root is the item. Nodes of level 1 hold items, higher ones hold nodes; a
 * walk goes down from `levels`, four bits of the index at each. A node counts its slots in use and
 * is freed with the last of them, so that an empty tree holds no memory.
 *
 * Changes are made by one caller at a time (the inode's mutex). Lookups may run beside an insertion
 * whose nodes are all there (radix_has_slot): that is one store, with release order, and a reader
 * finds nothing or a complete item. What makes or frees a node, or changes the height, must have
 * the tree for itself: root and levels are two words, and a freed node may be reused at once.
 * page_cache.c keeps readers out of that (exclusive_begin).
 */
#include "kernel/fs/page_cache/radix.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "shared/linux/errno.h"

#define SLOT_BITS 4
#define NSLOTS    (1u << SLOT_BITS)
/* 15 levels of 4 bits: indexes below 2^60, far beyond the pages of the largest file. */
#define LEVELS_MAX 15

struct radix_node {
    void *slots[NSLOTS];
    uint64_t count; /* of slots in use; never 0 in a tree at rest */
};

static struct slab_cache *node_cache;

void radix_init_cache(void)
{
    node_cache = slab_cache_create("radix", sizeof(struct radix_node));
}

uint64_t radix_frames_held(void)
{
    return slab_frames(node_cache);
}

static bool index_fits(uint32_t levels, uint64_t index)
{
    return index >> (SLOT_BITS * levels) == 0;
}

static unsigned slot_of(uint64_t index, uint32_t level)
{
    return (index >> (SLOT_BITS * (level - 1))) & (NSLOTS - 1);
}

static void *slot_load(void *const *slot)
{
    return __atomic_load_n(slot, __ATOMIC_ACQUIRE);
}

/* A reader may follow the pointer at once: what it leads to is complete. */
static void slot_store(void **slot, void *item)
{
    __atomic_store_n(slot, item, __ATOMIC_RELEASE);
}

/* Safe beside radix_insert into nodes that are there: root and levels change only while no reader
 * is in the tree. */
void *radix_find(const struct radix *radix, uint64_t index)
{
    void *item = slot_load(&radix->root);

    if (!index_fits(radix->levels, index))
        return NULL;
    for (uint32_t level = radix->levels; level > 0 && item; level--)
        item = slot_load(&((struct radix_node *)item)->slots[slot_of(index, level)]);
    return item;
}

/* Whether an insertion there is a single store, which readers may look on at. */
bool radix_has_slot(const struct radix *radix, uint64_t index)
{
    struct radix_node *node = radix->root;

    if (!index_fits(radix->levels, index))
        return false;
    for (uint32_t level = radix->levels; level > 1 && node; level--)
        node = node->slots[slot_of(index, level)];
    return radix->levels == 0 || node;
}

/* Takes away top nodes that only lead to slot 0, and an empty one. */
static void shrink(struct radix *radix)
{
    while (radix->levels > 0) {
        struct radix_node *top = radix->root;

        if (top && (top->count > 1 || (top->count == 1 && !top->slots[0])))
            return;
        if (!top || top->count == 0) {
            radix->root = NULL;
            radix->levels = 0;
        } else {
            radix->root = top->slots[0];
            radix->levels--;
        }
        if (top)
            slab_free(node_cache, top);
    }
}

/* On failure the tree is valid, but perhaps too high. */
static int grow(struct radix *radix, uint64_t index)
{
    while (!index_fits(radix->levels, index)) {
        /* An empty tree grows without nodes: an insertion makes those on its way. */
        if (radix->root) {
            struct radix_node *top = slab_zalloc(node_cache);
            if (!top)
                return -ENOMEM;
            top->slots[0] = radix->root;
            top->count = 1;
            radix->root = top;
        }
        radix->levels++;
    }
    return 0;
}

/* Clears the slot of index, and frees the nodes above that become empty by that. */
static void clear_slot(struct radix *radix, uint64_t index)
{
    struct radix_node *path[LEVELS_MAX + 1];
    struct radix_node *node = radix->root;
    uint32_t level;

    for (level = radix->levels; level > 0 && node; level--) {
        /* Indexed by level; the way down may end early, where an insertion failed. */
        path[level] = node;
        node = node->slots[slot_of(index, level)];
    }
    /* Upwards: a node goes if this was its last slot, and then its slot in the one above. The top
     * is left to shrink(). */
    for (level++; level <= radix->levels; level++) {
        void **slot = &path[level]->slots[slot_of(index, level)];
        if (*slot) {
            *slot = NULL;
            path[level]->count--;
        }
        if (path[level]->count > 0)
            break;
        if (level < radix->levels)
            slab_free(node_cache, path[level]);
    }
    shrink(radix);
}

int radix_insert(struct radix *radix, uint64_t index, void *item)
{
    struct radix_node *above = NULL;
    void **slot = &radix->root;

    ASSERT(item && index_fits(LEVELS_MAX, index));
    if (grow(radix, index) != 0) {
        shrink(radix);
        return -ENOMEM;
    }
    for (uint32_t level = radix->levels; level > 0; level--) {
        struct radix_node *node = *slot;
        if (!node) {
            node = slab_zalloc(node_cache);
            if (!node) {
                clear_slot(radix, index);
                return -ENOMEM;
            }
            /* Nodes are only made while no reader is in the tree: a plain store. */
            *slot = node;
            if (above)
                above->count++;
        }
        above = node;
        slot = &node->slots[slot_of(index, level)];
    }
    /* A slot that is overwritten has been counted already. */
    if (!*slot && above)
        above->count++;
    slot_store(slot, item);
    return 0;
}

void *radix_remove(struct radix *radix, uint64_t index)
{
    void *item = radix_find(radix, index);

    if (!item)
        return NULL;
    if (radix->levels == 0)
        radix->root = NULL;
    else
        clear_slot(radix, index);
    return item;
}

/* Recursion is bounded by LEVELS_MAX. */
static void *find_up_below(void *item, uint32_t level, uint64_t *index)
{
    struct radix_node *node = item;
    uint64_t span;

    if (level == 0 || !item)
        return item;
    span = 1ull << (SLOT_BITS * (level - 1));
    for (unsigned slot = slot_of(*index, level); slot < NSLOTS; slot++) {
        /* Where the next slot begins: the search goes on there, not at the same offset in it. */
        uint64_t next = ALIGN_DOWN(*index, span) + span;
        void *found = find_up_below(node->slots[slot], level - 1, index);
        if (found)
            return found;
        *index = next;
    }
    return NULL;
}

void *radix_find_up(const struct radix *radix, uint64_t *index)
{
    uint64_t at = *index;
    void *item;

    if (!index_fits(radix->levels, at))
        return NULL;
    item = find_up_below(radix->root, radix->levels, &at);
    if (item)
        *index = at;
    return item;
}
