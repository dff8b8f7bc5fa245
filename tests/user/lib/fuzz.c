/* SPDX-License-Identifier: MIT */
/*
 * Draws system calls.
 *
 * The calls that are drawn are made, so the kernel writes wherever their arguments point, and
 * beyond that as far as a size says. What decides which calls a process makes must not lie there:
 * root would come to make those that it is spared, or to kill the test.
 *
 * So every pointer handed out leads into the memory at FUZZ_PLACE, never to a variable of this
 * file; texts are constants, where writing is EFAULT. What is constant for the process (`mode`)
 * lies on a page of its own, far from that memory, read only, and shared, so that it also survives
 * being given back (MADV_DONTNEED); its address is a number, not a pointer that could be
 * overwritten. The rest
 * (`state`) is made anew from seed and index for each call.
 */
#define _GNU_SOURCE
#include "tests/user/lib/fuzz.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PAGE      FUZZ_PAGE
#define PLACE     FUZZ_PLACE
#define GOOD      FUZZ_GOOD
#define READ_ONLY FUZZ_READ_ONLY
#define NO_ACCESS FUZZ_NO_ACCESS
#define ARENA     FUZZ_ARENA
#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))

/* One letter an argument: f descriptor, p path, b buffer, n small number, x anything, z size,
 * o offset, a arena address, g flags or mode, v vector of buffers, t time, s signal, i process,
 * c clock, A list of strings, u user, B filter of seccomp, - zero. */
static const struct {
    short number;
    const char *args;
} known[] = {
    {0, "fbz"},      {1, "fbz"},      {2, "pgg"},      {3, "f"},        {4, "pb"},
    {5, "fb"},       {6, "pb"},       {7, "bnn"},      {8, "fon"},      {9, "azngfo"},
    {10, "azn"},     {11, "az"},      {12, "a"},       {13, "sbbz"},    {14, "nbbz"},
    {15, ""},        {16, "fxb"},     {17, "fbzo"},    {18, "fbzo"},    {19, "fvn"},
    {20, "fvn"},     {21, "pg"},      {22, "b"},       {23, "nbbbt"},   {24, ""},
    {25, "azzna"},   {26, "azn"},     {27, "azb"},     {28, "azn"},     {32, "f"},
    {33, "ff"},      {34, ""},        {35, "tb"},      {36, "nb"},      {37, "n"},
    {38, "nbb"},     {39, ""},        {40, "ffbz"},    {56, "gabbx"},   {57, ""},
    {58, ""},        {59, "pAA"},     {60, "n"},       {61, "ibnb"},    {62, "is"},
    {63, "b"},       {72, "fnx"},     {73, "fn"},      {74, "f"},       {75, "f"},
    {76, "po"},      {77, "fo"},      {78, "fbz"},     {79, "bz"},      {80, "p"},
    {81, "f"},       {82, "pp"},      {83, "pg"},      {84, "p"},       {85, "pg"},
    {86, "pp"},      {87, "p"},       {88, "pp"},      {89, "pbz"},     {90, "pg"},
    {91, "fg"},      {92, "puu"},     {93, "fuu"},     {94, "puu"},     {95, "g"},
    {96, "bb"},      {97, "nb"},      {98, "nb"},      {99, "b"},       {100, "b"},
    {102, ""},       {104, ""},       {105, "u"},      {106, "u"},      {109, "ii"},
    {112, ""},       {113, "uu"},     {114, "uu"},     {115, "nb"},     {116, "nb"},
    {117, "uuu"},    {118, "bbb"},    {119, "uuu"},    {120, "bbb"},    {121, "i"},
    {124, "i"},      {127, "bz"},     {128, "bbtz"},   {129, "isb"},    {130, "bz"},
    {131, "bb"},     {132, "pb"},     {133, "pgx"},    {137, "pb"},     {138, "fb"},
    {140, "ni"},     {141, "nin"},    {149, "az"},     {150, "az"},     {151, "n"},
    {157, "nxxxx"},  {158, "xb"},     {160, "nb"},     {161, "p"},      {162, ""},
    {186, ""},       {200, "is"},     {201, "b"},      {202, "bnntbn"}, {203, "izb"},
    {204, "izb"},    {217, "fbz"},    {218, "b"},      {221, "fozn"},   {222, "cbb"},
    {223, "nnbb"},   {224, "nb"},     {225, "n"},      {226, "n"},      {228, "cb"},
    {229, "cb"},     {230, "cntb"},   {231, "n"},      {234, "iis"},    {235, "pb"},
    {247, "nibnb"},  {257, "fpgg"},   {258, "fpg"},    {259, "fpgx"},   {260, "fpuug"},
    {261, "fpb"},    {262, "fpbg"},   {263, "fpg"},    {264, "fpfp"},   {265, "fpfpg"},
    {266, "pfp"},    {267, "fpbz"},   {268, "fpg"},    {269, "fpg"},    {270, "nbbbtb"},
    {271, "bntbz"},  {272, "g"},      {273, "bz"},     {274, "ibb"},    {280, "fpbg"},
    {285, "fnoz"},   {292, "ffg"},    {293, "bg"},     {295, "fvnox"},  {296, "fvnox"},
    {297, "iisb"},   {302, "inbb"},   {306, "f"},      {309, "bbb"},    {316, "fpfpn"},
    {318, "bzn"},    {319, "pg"},     {322, "fpAAg"},  {325, "azn"},    {326, "fbfbzn"},
    {327, "fvnoxn"}, {328, "fvnoxn"}, {332, "fpgxb"},  {334, "bznx"},   {435, "bz"},
    {436, "nnn"},    {437, "fpbz"},   {439, "fpgg"},   {449, "vnntc"},  {452, "fpgg"},
    {289, "fbzg"},   {275, "fbfbzg"}, {213, "n"},      {232, "fbnn"},   {233, "fnfb"},
    {281, "fbnnbz"}, {283, "cg"},     {284, "n"},      {286, "fnbb"},   {287, "fb"},
    {290, "ng"},     {291, "g"},      {441, "fbntbz"}, {424, "fsbn"},   {434, "in"},
    {438, "fnn"},    {324, "nnn"},    {253, ""},       {254, "fpg"},    {255, "fn"},
    {294, "g"},      {187, "foz"},    {188, "ppbzn"},  {189, "ppbzn"},  {190, "fpbzn"},
    {191, "ppbz"},   {192, "ppbz"},   {193, "fpbz"},   {194, "pbz"},    {195, "pbz"},
    {196, "fbz"},    {197, "pp"},     {198, "pp"},     {199, "fp"},     {206, "nb"},
    {207, "a"},      {208, "annbt"},  {209, "anb"},    {210, "abb"},    {276, "ffzg"},
    {277, "fozg"},   {278, "fvng"},   {303, "fpbbg"},  {304, "fbg"},    {333, "annbtb"},
    {310, "ivnvnn"}, {311, "ivnvnn"}, {312, "iinff"},  {440, "fvnnn"},  {308, "fn"},
    {317, "nnB"},
};

/* Not made by root: reboot, kexec and what else would end the test; clocks, mounts, names and
 * memory that outlives its makers, which the tests behind this one would find changed. */
static const short spared[] = {29,  64,  68,  153, 155, 159, 163, 164, 165, 166,
                               167, 168, 169, 170, 171, 175, 176, 227, 240, 246,
                               305, 313, 320, 428, 429, 430, 431, 432, 433, 442};

struct mode {
    int only_known, is_root;
};

static const struct mode *const mode = (const struct mode *)FUZZ_STATE;
static uint64_t state;

/* Words behind a pointer, in one of the three pages that are handed out. */
static uint64_t *words(int page)
{
    return (uint64_t *)(FUZZ_WORDS + (uint64_t)page * PAGE);
}

static uint64_t draw(void)
{
    state = state * 6364136223846793005ul + 1442695040888963407ul;
    return state >> 24;
}

static uint64_t any(void)
{
    static const uint64_t special[] = {0,
                                       1,
                                       2,
                                       3,
                                       7,
                                       8,
                                       4095,
                                       4096,
                                       65536,
                                       0x7fffffff,
                                       0x80000000,
                                       0xffffffff,
                                       1ul << 32,
                                       0x7fffffffffffffff,
                                       1ul << 63,
                                       -1ul,
                                       -2ul,
                                       -4096ul,
                                       -100ul,
                                       READ_ONLY,
                                       NO_ACCESS,
                                       PLACE + GOOD,
                                       0x7fffffffe000,
                                       0x7ffffffff000,
                                       0x800000000000,
                                       0x8000000000000000,
                                       0xffff7fffffffffff,
                                       0xffff800000000000,
                                       0xffff888000000000,
                                       0xffffc00000000000,
                                       0xffffffff80000000,
                                       0xfffffffffffff000};

    return draw() % 4 ? special[draw() % COUNT(special)] : draw() << draw() % 40;
}

static uint64_t buffer(void)
{
    switch (draw() % 8) {
    case 0:
        return any();
    case 1:
        return PLACE + GOOD - draw() % 300;
    case 2:
        return PLACE + draw() % GOOD;
    default:
        return PLACE + draw() % GOOD / 16 * 16;
    }
}

static uint64_t path(void)
{
    static const char *const paths[] = {"a",      "b",       "dir",  "dir/c", "dir/../a", ".",
                                        "..",     "",        "sym",  "sym/x", "dir/d/e",  "loop",
                                        "//./a",  "a/",      "dir/", "fifo",  "dir/d",    "exe",
                                        "./b/..", "../../b", "/",    "/dir/c"};

    return draw() % 16 ? (uint64_t)paths[draw() % COUNT(paths)] : buffer();
}

static uint64_t vector(void)
{
    uint64_t *pieces = words(0);

    for (int i = 0; i < 32; i += 2) {
        pieces[i] = buffer();
        pieces[i + 1] = draw() % 5 ? draw() % 5000 : any();
    }
    return draw() % 8 ? (uint64_t)pieces : buffer();
}

static uint64_t strings(void)
{
    uint64_t *list = words(1);

    for (int i = 0; i < 7; i++)
        list[i] = draw() % 3 ? path() : 0;
    list[7] = 0;
    return draw() % 8 ? (uint64_t)list : buffer();
}

/* Short ones, so that most calls that wait come back. */
static uint64_t time_pointer(void)
{
    uint64_t *time = words(2);

    time[0] = draw() % 8 ? 0 : any();
    time[1] = draw() % 8 ? draw() % 1000000 : any();
    return draw() % 8 ? (uint64_t)time : buffer();
}

static uint64_t size(void)
{
    static const uint64_t sizes[] = {0,  1,   4,   7,    8,    16,   24,  32,
                                     64, 100, 144, 4095, 4096, 4097, 9999};

    return draw() % 8 ? sizes[draw() % COUNT(sizes)] : any();
}

/* An action for one call, mostly. */
static uint64_t filter(void)
{
    static const uint64_t actions[] = {0,          0x80000000, 0x30001,    0x50002,   0x50000,
                                       0x7fc00000, 0x7ff00003, 0x7ffc0000, 0x7fff0000};
    uint64_t *pieces = words(0);

    pieces[0] = draw() % 8 ? 4 : draw() % 20;
    pieces[1] = draw() % 8 ? (uint64_t)(pieces + 2) : any();
    pieces[2] = 0x20 | draw() % 16 * 4 << 32;
    pieces[3] = draw() % 8 ? 0x15 | 1ul << 24 | draw() % 460 << 32 : any();
    pieces[4] = 6 | actions[draw() % COUNT(actions)] << 32;
    pieces[5] = 6 | 0x7fff0000ul << 32;
    return draw() % 8 ? (uint64_t)pieces : buffer();
}

static uint64_t process(void)
{
    const uint64_t ids[] = {0, (uint64_t)getpid(), -(uint64_t)getpid(), 0x7fffffff, -1ul, 1};

    return draw() % 8 ? ids[draw() % COUNT(ids)] : draw() % 8 ? draw() % 100 : any();
}

static uint64_t argument(char kind)
{
    switch (kind) {
    case 'f':
        return draw() % 8 ? draw() % 20 : draw() % 2 ? (uint64_t)AT_FDCWD : any();
    case 'p':
        return path();
    case 'b':
        return buffer();
    case 'n':
        return draw() % 8 ? draw() % 40 : any();
    case 'z':
        return size();
    case 'o':
        return draw() % 4 ? draw() % 100000 : draw() % 2 ? -(draw() % 3) * 4096 : any();
    case 'a':
        return draw() % 8 ? ARENA + draw() % 64 * PAGE : any();
    case 'g':
        return draw() % 4 ? draw() % 0x1000 : draw() % 2 ? 1ul << draw() % 40 : any();
    case 'v':
        return vector();
    case 't':
        return time_pointer();
    case 's':
        return draw() % 8 ? draw() % 66 : any();
    case 'i':
        return process();
    case 'c':
        return draw() % 8 ? draw() % 16 : any();
    case 'A':
        return strings();
    case 'B':
        return filter();
    case 'u':
        return draw() % 4 ? draw() % 3 * 1000 : any();
    case 'x':
        return argument("fpbnzoagvtsicAuX"[draw() % 16]);
    case 'X':
        return any();
    default:
        return 0;
    }
}

const char *fuzz_known(unsigned index, int *number)
{
    if (index >= COUNT(known))
        return NULL;
    *number = known[index].number;
    return known[index].args;
}

static const char *letters_of(long number)
{
    for (size_t i = 0; i < COUNT(known); i++)
        if (known[i].number == number)
            return known[i].args;
    return "xxxxxx";
}

static long number(void)
{
    if (mode->only_known || draw() % 4)
        return known[draw() % COUNT(known)].number;
    return draw() % 8 ? (long)(draw() % 480) : (long)any();
}

static int is_spared(long nr)
{
    for (size_t i = 0; i < COUNT(spared); i++)
        if (spared[i] == (int)nr)
            return mode->is_root;
    return 0;
}

/* The test itself is no target: signals, limits and traces of root, and of nobody on Linux, where
 * others may be nobody, too, go to the process itself. Files do not become large for nothing. */
static void tame(struct fuzz_call *call)
{
    static const short targeted[] = {62, 101, 129, 200, 234, 297, 302, 310, 311, 424, 434};
    int pid = getpid(), nr = (int)call->number;

    for (size_t i = 0; i < COUNT(targeted); i++)
        if (nr == targeted[i] && (mode->is_root || mode->only_known) && (int)call->args[0] != 0 &&
            (int)call->args[0] != -pid)
            call->args[nr == 101 ? 1 : 0] = pid;
    if (nr == 101 && (mode->is_root || mode->only_known))
        call->args[1] = pid;
    if (nr == 285)
        call->args[3] %= 1 << 20;
    if (nr == 40)
        call->args[3] %= 1 << 20;
    if (nr == 326)
        call->args[4] %= 1 << 20;
}

void fuzz_draw(struct fuzz_call *call, uint64_t seed, uint64_t index)
{
    const char *letters;
    size_t given;

    state = (seed * 0x9e3779b97f4a7c15ul + index) * 0xbf58476d1ce4e5b9ul + 1;
    draw();
    do
        call->number = number();
    while (is_spared(call->number));
    letters = draw() % 5 ? letters_of(call->number) : "xxxxxx";
    given = strlen(letters);
    for (size_t i = 0; i < 6; i++)
        call->args[i] = (long)argument(i < given ? letters[i] : '-');
    tame(call);
}

static void set_mode(int on_linux, int root)
{
    struct mode *p = mmap((void *)FUZZ_STATE, PAGE, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

    CHECK(p == mode);
    p->only_known = on_linux;
    p->is_root = root;
    CHECK_OK(mprotect(p, PAGE, PROT_READ));
}

void fuzz_prepare(int on_linux, int root)
{
    char *p = mmap((void *)PLACE, 128 * PAGE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

    CHECK(p == (char *)PLACE);
    set_mode(on_linux, root);
    state = 1;
    for (size_t i = 0; i < GOOD; i += 8) /* structures of small and of strange numbers */
        *(uint64_t *)(p + i) = draw() % 4 ? draw() % 100 : any();
    CHECK_OK(munmap(p + GOOD, PAGE));
    CHECK_OK(mprotect((void *)READ_ONLY, PAGE, PROT_READ));
    CHECK_OK(mprotect((void *)NO_ACCESS, PAGE, PROT_NONE));
}
