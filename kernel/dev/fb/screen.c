/* SPDX-License-Identifier: MIT */
/*
 * What stands above the text: posted by the self-test, drawn by the thread that prints.
 *
 * The two share struct post, under its lock; the drawing side copies it and works on its copy,
 * since drawing takes milliseconds. While a test runs, a timer asks for a drawing now and then: the
 * clock on the screen goes on when nothing is printed, as in a test that hangs.
 *
 * Failed tests are kept in the order in which they failed; of those beyond the list only the number
 * is known.
 */
#include "kernel/dev/fb/screen.h"

#include "kernel/core/clock.h"
#include "kernel/core/output.h"
#include "kernel/core/spinlock.h"
#include "kernel/core/timer.h"
#include "kernel/dev/fb/fbterm_internal.h"
#include "kernel/dev/fb/font.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/lib/version.h"

#define SECOND_NS     1000000000ULL
#define FIRST_LOOK_NS 200000000ULL /* a test that takes as long is worth its name on the screen */
#define NAME_SIZE     48
#define REASON_SIZE   128
#define FAILURES_MAX  24u
#define LINE_SIZE     256

#define HEADER_LINES 2u /* a line of text, and the bar */
#define TEXT_LINES   6u /* that a verdict leaves to the text */

enum stage { STAGE_NONE, STAGE_PLAN, STAGE_VERDICT, STAGE_SHRUNK };

/* What is to be shown. */
struct post {
    enum stage stage;
    bool passed; /* the verdict */
    unsigned total, done, nfailed, nskipped;
    uint64_t plan_ns, test_ns; /* when they began; at the end: how long the plan took */
    char name[NAME_SIZE];
};

struct failure {
    char name[NAME_SIZE];
    char reason[REASON_SIZE];
};

static struct {
    struct spinlock lock;
    struct post post; /* [lock] */
    struct timer timer;
} screen = {.lock = SPINLOCK_INIT(SPIN_SERIAL)};

/* By itself: zeroes take no room in the image. An entry is constant once it is counted. */
static struct failure failures[FAILURES_MAX];

/* The drawing side's. */
static struct {
    enum stage stage;
    unsigned done, nfailed; /* of the bar */
    struct fbterm_area qr;
    bool in_line; /* of the report */
} shown;

/* The header is there before the first line of text: to move that later would cost more. */
int screen_init(const struct bootinfo_framebuffer *framebuffer, volatile void *base)
{
    int err = fbterm_init(framebuffer, base);

    if (!err)
        fbterm_header_set(HEADER_LINES);
    return err;
}

static void clock_on_screen(struct timer *timer)
{
    timer_start(timer, clock_monotonic_ns() + SECOND_NS);
    output_draw();
}

void screen_begin(unsigned total)
{
    uint64_t flags;

    if (!fbterm_present())
        return;
    timer_init(&screen.timer, clock_on_screen);
    flags = spin_lock_irqsave(&screen.lock);
    screen.post = (struct post){
        .stage = STAGE_PLAN,
        .total = total,
        .plan_ns = clock_monotonic_ns(),
        .test_ns = clock_monotonic_ns(),
    };
    spin_unlock_irqrestore(&screen.lock, flags);
}

void screen_test(const char *name)
{
    uint64_t flags, now = clock_monotonic_ns();

    if (!fbterm_present())
        return;
    flags = spin_lock_irqsave(&screen.lock);
    screen.post.test_ns = now;
    str_copy(screen.post.name, NAME_SIZE, name);
    spin_unlock_irqrestore(&screen.lock, flags);
    timer_start(&screen.timer, now + FIRST_LOOK_NS);
}

void screen_result(const char *name, const char *reason)
{
    uint64_t flags;

    if (!fbterm_present())
        return;
    timer_stop(&screen.timer);
    flags = spin_lock_irqsave(&screen.lock);
    screen.post.done++;
    if (reason) {
        unsigned i = screen.post.nfailed++;

        if (i < FAILURES_MAX) {
            str_copy(failures[i].name, NAME_SIZE, name);
            str_copy(failures[i].reason, REASON_SIZE, reason);
        }
    }
    spin_unlock_irqrestore(&screen.lock, flags);
}

/* The counts are the report's: what is on the screen is what is in the file. */
void screen_verdict(bool passed, unsigned npassed, unsigned nfailed, unsigned nskipped)
{
    uint64_t flags;

    if (!fbterm_present())
        return;
    flags = spin_lock_irqsave(&screen.lock);
    screen.post.stage = STAGE_VERDICT;
    screen.post.passed = passed;
    screen.post.done = npassed;
    screen.post.nfailed = nfailed;
    screen.post.nskipped = nskipped;
    screen.post.plan_ns = clock_monotonic_ns() - screen.post.plan_ns;
    spin_unlock_irqrestore(&screen.lock, flags);
}

void screen_shrink(void)
{
    uint64_t flags = spin_lock_irqsave(&screen.lock);

    if (screen.post.stage == STAGE_VERDICT)
        screen.post.stage = STAGE_SHRUNK;
    spin_unlock_irqrestore(&screen.lock, flags);
    output_flush(); /* the text's size is right afterwards */
}

bool screen_qr_place(unsigned *x, unsigned *y, unsigned *side)
{
    *x = shown.qr.x;
    *y = shown.qr.y;
    *side = shown.qr.width;
    return shown.stage == STAGE_VERDICT && shown.qr.width;
}

/* --- drawing --- */

static uint32_t line_height(void)
{
    return FONT_HEIGHT * fbterm.scale;
}

/* "1:07" */
static void minutes_print(char *text, size_t size, uint64_t ns)
{
    uint64_t seconds = ns / SECOND_NS;

    fmt_print(text, size, "%llu:%02llu", (unsigned long long)(seconds / 60),
              (unsigned long long)(seconds % 60));
}

/* What there is more than at the last drawing. Failed tests make all of it red: there is no place
 * in it for each. */
static void bar_draw(const struct post *post)
{
    uint32_t unit = line_height() / 4, y = line_height() + unit, left, right;
    uint32_t width = fbterm.pixels.width;
    enum fbterm_colour colour = post->nfailed ? FBTERM_RED : FBTERM_GREEN;
    unsigned done = MIN(post->done, post->total);

    if (!post->total)
        return;
    left = (uint32_t)((uint64_t)width * shown.done / post->total);
    right = (uint32_t)((uint64_t)width * done / post->total);
    if ((shown.nfailed != 0) != (post->nfailed != 0))
        left = 0;
    pixels_fill(&fbterm.pixels, left, y, right - left, 2 * unit, fbterm.pixels.ink[colour]);
    shown.done = done;
    shown.nfailed = post->nfailed;
}

/* Between two tests the last one's name stays. */
static void plan_draw(const struct post *post)
{
    char text[LINE_SIZE], elapsed[24];
    uint64_t now = clock_monotonic_ns();
    size_t length;

    fmt_print(text, sizeof(text), " test %u of %u: %s", MIN(post->done + 1, post->total),
              post->total, post->name);
    fbterm_header_text(0, 0, text, FBTERM_WHITE);
    minutes_print(elapsed, sizeof(elapsed), now - post->plan_ns);
    length =
        fmt_print(text, sizeof(text), " %llu s  %u failed  %s ",
                  (unsigned long long)((now - post->test_ns) / SECOND_NS), post->nfailed, elapsed);
    if (length < fbterm.columns)
        fbterm_header_text(0, fbterm.columns - (unsigned)length, text,
                           post->nfailed ? FBTERM_YELLOW : FBTERM_WHITE);
    bar_draw(post);
}

/* Text never was there: the lines are the header's from the start. */
static void plan_begin(void)
{
    pixels_fill(&fbterm.pixels, 0, line_height() + line_height() / 4, fbterm.pixels.width,
                line_height() / 4 * 2, fbterm.pixels.banner[FBTERM_DIM]);
    shown.done = shown.nfailed = 0;
}

/* The letters, the counts below them, the place of the QR code on their right. */
static void banner_draw(const struct post *post, uint32_t height)
{
    uint32_t width = fbterm.pixels.width, margin = line_height() / 2, side;
    enum fbterm_colour colour = post->passed ? FBTERM_GREEN : FBTERM_RED;
    struct fbterm_area letters, counts;
    char text[LINE_SIZE], elapsed[24];

    side = MIN(height - 2 * margin, width / 3);
    shown.qr = (struct fbterm_area){width - side - margin, margin, side, side};
    letters = (struct fbterm_area){0, margin, width - side - 2 * margin, (height - margin) * 2 / 3};
    counts = letters;
    counts.y = letters.y + letters.height;
    counts.height = height - counts.y;
    pixels_fill(&fbterm.pixels, 0, 0, width, height, fbterm.pixels.banner[colour]);
    fbterm_big_text(&letters, post->passed ? "PASS" : "FAIL");
    minutes_print(elapsed, sizeof(elapsed), post->plan_ns);
    fmt_print(text, sizeof(text), "%u passed, %u failed, %u skipped, %s", post->done, post->nfailed,
              post->nskipped, elapsed);
    fbterm_big_text(&counts, text);
}

/* From that line on: a failed test, its reason under it; as many as fit, and how many do not. The
 * last line is a border to the text. */
static void failures_draw(const struct post *post, unsigned line, unsigned end)
{
    unsigned known = MIN(post->nfailed, FAILURES_MAX), i;
    char text[LINE_SIZE];

    for (i = 0; i < known && line + 2 < end; i++, line += 2) {
        fmt_print(text, sizeof(text), " %s", failures[i].name);
        fbterm_header_text(line, 0, text, FBTERM_RED);
        fmt_print(text, sizeof(text), "     %s", failures[i].reason);
        fbterm_header_text(line + 1, 0, text, FBTERM_GREY);
    }
    text[0] = '\0';
    if (i < post->nfailed)
        fmt_print(text, sizeof(text), " and %u more: see the report", post->nfailed - i);
    fbterm_header_text(line, 0, text, FBTERM_RED);
}

/* On a clean screen: the plan's programs may have drawn on it by /dev/fb0. */
static void verdict_draw(const struct post *post)
{
    unsigned big = fbterm.lines * 2 / 5, known = MIN(post->nfailed, FAILURES_MAX), end;

    end = MIN(big + 2 * known + 1, fbterm.lines - MIN(TEXT_LINES, fbterm.lines / 3));
    fbterm_clear();
    fbterm_header_set(end);
    banner_draw(post, big * line_height());
    failures_draw(post, big, end);
}

static void shrunk_draw(const struct post *post)
{
    char text[LINE_SIZE];

    fbterm_header_set(1);
    fmt_print(text, sizeof(text), " %s: %u passed, %u failed, %u skipped",
              post->passed ? "PASS" : "FAIL", post->done, post->nfailed, post->nskipped);
    fbterm_header_text(0, 0, text, post->passed ? FBTERM_GREEN : FBTERM_RED);
}

static void post_draw(void)
{
    static struct post post; /* one thread draws, and its stack is small */
    uint64_t flags = spin_lock_irqsave(&screen.lock);
    enum stage before = shown.stage;

    post = screen.post;
    spin_unlock_irqrestore(&screen.lock, flags);
    shown.stage = post.stage;
    if (post.stage == STAGE_PLAN) {
        if (before != STAGE_PLAN)
            plan_begin();
        plan_draw(&post);
    } else if (post.stage == STAGE_VERDICT && before != STAGE_VERDICT) {
        verdict_draw(&post);
    } else if (post.stage == STAGE_SHRUNK && before != STAGE_SHRUNK) {
        shrunk_draw(&post);
    }
}

void screen_flush(void)
{
    if (!fbterm_present())
        return;
    fbterm_clear_once();
    post_draw();
    fbterm_flush();
}

/* The lines that a report may have begin with these, and a program's cannot look like another. */
static enum fbterm_colour line_colour(char first)
{
    switch (first) {
    case 'o': /* ok */
        return FBTERM_GREEN;
    case 'n': /* not ok */
        return FBTERM_RED;
    case '#':
        return FBTERM_GREY;
    default: /* the head of the report */
        return FBTERM_WHITE;
    }
}

void screen_report(const char *bytes, size_t nbytes)
{
    while (nbytes) {
        size_t piece = 0;

        if (!shown.in_line)
            fbterm_set_colour(line_colour(*bytes));
        while (piece < nbytes && bytes[piece] != '\n')
            piece++;
        shown.in_line = piece == nbytes;
        piece += !shown.in_line;
        fbterm_write(bytes, piece);
        bytes += piece;
        nbytes -= piece;
    }
}
