/* SPDX-License-Identifier: MIT */
/* Terminals: pairs that cannot be made, bad memory, and what the serial line's thread does. The
 * port, its interrupt and the room that knows processes are made up.
 *
 * Long because all tests are on that one made-up machine. */
#include "tests/host/fs_fake.h"

#include "kernel/core/irq.h"
#include "kernel/core/timer.h"
#include "kernel/dev/console.h"
#include "kernel/dev/fb/fbterm.h"
#include "kernel/dev/input.h"
#include "kernel/dev/printer.h"
#include "kernel/dev/tty/pty.h"
#include "kernel/dev/tty/tty.h"
#include "kernel/dev/tty/tty_screen.h"
#include "kernel/dev/tty/tty_serial.h"
#include "kernel/fs/devfs/devfs.h"
#include "kernel/plat/ioapic.h"
#include "kernel/plat/lapic.h"
#include "kernel/plat/serial.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/handlers.h"
#include "shared/linux/ioctl.h"

#define ERR(call, err) assert_int_equal((call), -(err))
#define OK(call)       assert_int_equal((call), 0)

static struct task *task;
static struct fake_balance before;
static char bytes[2 * PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static const struct uptr bad = {0xffff888000000000ull};

/* --- the room that knows processes: one without a session --- */

static int background; /* what it costs to touch a terminal now */

static struct tty *current_none(void)
{
    return NULL;
}

static void opened(const struct file *file)
{
    (void)file;
}

static int check(struct tty *tty, int signal)
{
    (void)tty, (void)signal;
    return background;
}

static void signalled(struct tty *tty, int signal)
{
    (void)tty, (void)signal;
}

static void hung_up(struct tty *tty)
{
    (void)tty;
}

static uint32_t uid(void)
{
    return 7;
}

static const struct tty_ops ops = {.current = current_none,
                                   .opened = opened,
                                   .check = check,
                                   .signal = signalled,
                                   .hung_up = hung_up,
                                   .uid = uid};

/* --- the port --- */

volatile uint32_t *lapic_registers;
static const struct serial_client *port;
static void (*serve)(void *argument);
static char typed[64];
static size_t ntyped;
static unsigned attentions;
static jmp_buf idle;

bool serial_present(void)
{
    return true;
}

void serial_start(const struct serial_client *client)
{
    port = client;
}

void serial_interrupt(void)
{
    fail_msg("no interrupt was raised");
}

size_t serial_read(char *to, size_t nbytes)
{
    nbytes = MIN(nbytes, ntyped);
    memcpy(to, typed, nbytes);
    ntyped -= nbytes;
    memmove(typed, typed + nbytes, ntyped);
    return nbytes;
}

size_t serial_queue(const char *from, size_t nbytes)
{
    (void)from;
    return nbytes;
}

size_t serial_queued(void)
{
    return 0;
}

/* --- the screen and its keyboard --- */

static unsigned keys_noted;
static bool screen_is_there;
static size_t (*screen_take)(char *to, size_t nbytes);
static void (*keyboard_reader)(const char *text, size_t nbytes);
static unsigned kicks;

void input_key_note(void)
{
    keys_noted++;
}

bool input_present(void)
{
    return true;
}

void input_set_reader(void (*reader)(const char *text, size_t nbytes))
{
    keyboard_reader = reader;
}

bool fbterm_present(void)
{
    return screen_is_there;
}

void fbterm_size(unsigned *columns, unsigned *lines)
{
    *columns = 100;
    *lines = 37;
}

void printer_set_screen(size_t (*take)(char *to, size_t nbytes))
{
    screen_take = take;
}

void printer_kick(void)
{
    kicks++;
}

int ioapic_enable(uint8_t irq, unsigned *out_vector)
{
    assert_int_equal(irq, 4);
    *out_vector = 99;
    return 0;
}

void irq_set_handler(unsigned vector, void (*handler)(void))
{
    assert_true(vector == 99 && handler != NULL);
}

void timer_init(struct timer *timer, void (*function)(struct timer *timer))
{
    timer->function = function;
}

void timer_start(struct timer *timer, uint64_t deadline_ns)
{
    (void)timer, (void)deadline_ns;
    fail_msg("there is an interrupt: nothing is to be polled");
}

int thread_create(struct thread *thread, void (*function)(void *argument), void *argument)
{
    (void)thread;
    assert_null(argument);
    serve = function;
    return 0;
}

void sched_start(struct thread *thread)
{
    (void)thread;
}

void sched_first(void)
{
}

void sched_yield_cpu(void)
{
}

static void attention_key(void)
{
    attentions++;
}

static int thread_sleeps(struct waitq *queue)
{
    (void)queue;
    longjmp(idle, 1);
}

/* The serial line's thread, from its start until it has nothing more to do. */
static void thread_runs(void)
{
    fake_on_wait = thread_sleeps;
    if (!setjmp(idle))
        serve(NULL);
    fake_on_wait = NULL;
    fake_wait_ends();
}

/* --- tests --- */

static int open_(const char *path)
{
    return (int)sys_open(task, user(path), LX_O_RDWR | LX_O_NOCTTY | LX_O_NONBLOCK, 0);
}

static int setup(void **state)
{
    fake_start(state);
    task = fake_task_create();
    tty_set_ops(&ops);
    OK(sys_mkdir(task, user("/dev"), 0755));
    OK(devfs_mount());
    OK(console_devices_init());
    OK(pty_devices_init());
    OK(tty_serial_init(attention_key));
    /* The table of descriptors is as large as it will become. */
    OK(sys_open(task, user("/dev"), LX_O_RDONLY, 0));
    assert_int_equal(sys_fcntl(task, 0, LX_F_DUPFD, 100), 100);
    fd_close_range(task->files, 0, 1000, false);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_task_destroy(task);
    return 0;
}

static int terminal_of(int master)
{
    char path[24];
    uint32_t number = 0;
    int unlocked = 0;

    OK(sys_ioctl(task, master, LX_TIOCSPTLCK, user(&unlocked)));
    OK(sys_ioctl(task, master, LX_TIOCGPTN, user(&number)));
    snprintf(path, sizeof(path), "/dev/pts/%u", number);
    return open_(path);
}

static uint32_t number_of(int master)
{
    uint32_t number = 0;

    OK(sys_ioctl(task, master, LX_TIOCGPTN, user(&number)));
    return number;
}

static void begin(void)
{
    before = fake_balance();
}

static void end(void)
{
    fd_close_range(task->files, 0, 1000, false);
    fake_assert_balance(before);
}

/* Whichever allocation fails: no pair, nothing kept, and the number is given to the next one. */
static void test_pair_without_memory(void **state)
{
    int fd = -1;

    (void)state;
    begin();
    for (int n = 0; fd < 0; n++) {
        fake_fail_allocation(n);
        fd = open_("/dev/ptmx");
        assert_true(fd == 0 || fd == -ENOMEM || fd == -ENOSPC);
        assert_int_equal(fd < 0, fake_allocation_failed());
        fake_fail_allocation(-1);
        if (fd < 0)
            end();
        assert_true(n < 20);
    }
    assert_int_equal(number_of(fd), 0);
    assert_true(terminal_of(fd) > 0);
    end();
}

/* A long line to which tabs are added and taken off again: in pieces, of which nothing shows. */
static void test_tabs_behind_a_long_line(void **state)
{
    int master, slave;

    (void)state;
    begin();
    master = open_("/dev/ptmx");
    slave = terminal_of(master);
    memset(bytes, 'a', 4000);
    assert_int_equal(sys_write(task, master, user(bytes), 4000), 4000);
    for (unsigned i = 0; i < 256; i += 2)
        memcpy(bytes + i, "\t\x7f", 2);
    memcpy(bytes + 256, "b\n", 2);
    assert_int_equal(sys_write(task, master, user(bytes), 258), 258);
    assert_int_equal(sys_read(task, slave, user(bytes), sizeof(bytes)), 4002);
    for (unsigned i = 0; i < 4000; i++)
        assert_int_equal(bytes[i], 'a');
    assert_memory_equal(bytes + 4000, "b\n", 2);
    end();
}

/* All numbers are taken: no more pairs until one goes, and then its number. */
static void test_numbers(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < PTY_PAIRS_MAX; i++) {
        assert_int_equal(open_("/dev/ptmx"), i);
        assert_int_equal(number_of(i), i);
    }
    ERR(open_("/dev/ptmx"), ENOSPC);
    ERR(sys_stat(task, user("/dev/pts/64"), user(bytes)), ENOENT);
    OK(sys_close(task, 5));
    ERR(sys_stat(task, user("/dev/pts/5"), user(bytes)), ENOENT);
    assert_int_equal(open_("/dev/ptmx"), 5);
    assert_int_equal(number_of(5), 5);
    ERR(open_("/dev/ptmx"), ENOSPC);
    end();
}

/* As much as there is of the program's memory is written; nothing at all is EFAULT. */
static void test_bad_memory(void **state)
{
    char *end_of_memory = bytes + PAGE_SIZE;
    int master, terminal;

    (void)state;
    begin();
    master = open_("/dev/ptmx");
    terminal = terminal_of(master);
    ERR(sys_write(task, terminal, (struct uptr){8}, 5), EFAULT);
    ERR(sys_write(task, master, (struct uptr){8}, 5), EFAULT);
    memset(bytes, 'x', sizeof(bytes));
    fake_set_bad_range(end_of_memory, PAGE_SIZE, false);
    assert_int_equal(sys_write(task, terminal, user(end_of_memory - 5), 9), 5);
    assert_int_equal(sys_write(task, terminal, user(end_of_memory - 300), 900), 300);
    ERR(sys_write(task, terminal, user(end_of_memory), 1), EFAULT);
    assert_int_equal(sys_write(task, master, user(end_of_memory - 5), 9), 5);
    ERR(sys_write(task, master, user(end_of_memory), 9), EFAULT);
    assert_int_equal(sys_write(task, master, user("\n"), 1), 1);
    ERR(sys_read(task, terminal, user(end_of_memory), 9), EFAULT); /* nothing is taken */
    fake_set_bad_range(NULL, 0, false);
    assert_int_equal(sys_read(task, terminal, user(bytes), 100), 6);
    assert_memory_equal(bytes, "xxxxx\n", 6);
    assert_int_equal(sys_read(task, master, user(bytes), sizeof(bytes)), 305 + 5 + 2);
    ERR(sys_read(task, master, user(bytes), 1), EAGAIN);
    ERR(sys_read(task, terminal, user(bytes), 1), EAGAIN);
    end();
}

/* What programs write, and what the screen gets. */
static void test_output(void **state)
{
    static const struct {
        uint32_t flags;
        const char *text, *screen;
    } cases[] = {
        {LX_OPOST, "a\tb\n", "a\tb\n"},
        {LX_OPOST | LX_TABDLY, "a\tb\n", "a       b\n"},
        {LX_OPOST | LX_TABDLY, "12345678\t|\r\t|\r", "12345678        |\r        |\r"},
        {LX_OPOST | LX_ONLCR, "a\nb\r\n", "a\r\nb\r\r\n"},
        {LX_OPOST | LX_OCRNL, "a\rb\n", "a\nb\n"},
        {LX_OPOST | LX_OLCUC, "a\tBc\n", "A\tBC\n"},
        {LX_ONLCR | LX_OLCUC | LX_TABDLY, "a\tb\n", "a\tb\n"}, /* none of it without OPOST */
    };
    struct lx_termios2 settings;

    (void)state;
    begin();
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int master = open_("/dev/ptmx"), terminal = terminal_of(master);
        int64_t len = (int64_t)strlen(cases[i].screen);

        OK(sys_ioctl(task, terminal, LX_TCGETS2, user(&settings)));
        settings.c_oflag = cases[i].flags;
        OK(sys_ioctl(task, terminal, LX_TCSETS2, user(&settings)));
        assert_int_equal(sys_write(task, terminal, user(cases[i].text), strlen(cases[i].text)),
                         strlen(cases[i].text));
        assert_int_equal(sys_read(task, master, user(bytes), sizeof(bytes)), len);
        assert_memory_equal(bytes, cases[i].screen, (size_t)len);
    }
    end();
}

/* A node that is not the pair's own leads to no terminal, though its number is that of one. */
static void test_other_nodes(void **state)
{
    int master;

    (void)state;
    begin();
    master = open_("/dev/ptmx");
    ERR(open_("/dev/pts/0"), EIO); /* not unlocked */
    assert_true(terminal_of(master) > 0);
    OK(sys_mknod(task, user("/node"), LX_S_IFCHR | 0600, 136 << 8));
    ERR(open_("/node"), EIO);
    OK(sys_close(task, master));
    ERR(open_("/dev/pts/0"), ENOENT);
    ERR(open_("/node"), EIO);
    OK(sys_unlink(task, user("/node")));
    end();
}

/* Once each time it was hit. */
static void test_attention(void **state)
{
    (void)state;
    thread_runs();
    assert_int_equal(attentions, 0);
    port->attention();
    assert_int_equal(attentions, 0); /* that was in the interrupt */
    thread_runs();
    assert_int_equal(attentions, 1);
    port->received();
    thread_runs();
    assert_int_equal(attentions, 1);
}

static void type(const char *keys)
{
    ntyped = strlen(keys);
    memcpy(typed, keys, ntyped);
    port->received();
    thread_runs();
}

/* What is typed goes nowhere until the terminal is in use, and then to its readers. */
static void test_serial_input(void **state)
{
    int fd;

    (void)state;
    begin();
    type("lost\n");
    assert_int_equal(ntyped, 0);
    assert_int_equal(keys_noted, 1); /* for those that wait for any key */
    OK(tty_serial_use());
    fd = open_("/dev/console");
    ERR(sys_read(task, fd, user(bytes), 100), EAGAIN);
    type("found\n");
    assert_int_equal(sys_read(task, fd, user(bytes), 100), 6);
    assert_memory_equal(bytes, "found\n", 6);
    ERR(sys_write(task, fd, bad, 1), EFAULT);
    background = -EIO;
    ERR(sys_read(task, fd, user(bytes), 1), EIO);
    background = 0;
    end();
}

/* What is written is fetched to be drawn; what is typed is echoed and read. */
static void test_screen(void **state)
{
    char drawn[64];
    int fd;

    (void)state;
    ERR(tty_screen_use(), ENODEV);
    screen_is_there = true;
    OK(tty_screen_use());
    begin(); /* the terminal's own memory stays */
    fd = open_("/dev/tty1");
    kicks = 0;
    assert_int_equal(sys_write(task, fd, user("one\n"), 4), 4);
    assert_true(kicks > 0);
    assert_int_equal(screen_take(drawn, 2), 2);
    assert_int_equal(screen_take(drawn + 2, 60), 3);
    assert_memory_equal(drawn, "one\r\n", 5);
    assert_int_equal(screen_take(drawn, 60), 0);
    keyboard_reader("ls\r", 3);
    assert_int_equal(sys_read(task, fd, user(bytes), 100), 3);
    assert_memory_equal(bytes, "ls\n", 3);
    assert_int_equal(screen_take(drawn, 60), 4);
    assert_memory_equal(drawn, "ls\r\n", 4);
    OK(sys_ioctl(task, fd, LX_TIOCGWINSZ, user(bytes)));
    assert_memory_equal(bytes, "\45\0\144\0", 4);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pair_without_memory),
        cmocka_unit_test(test_tabs_behind_a_long_line),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_bad_memory),
        cmocka_unit_test(test_other_nodes),
        cmocka_unit_test(test_attention),
        cmocka_unit_test(test_output),
        cmocka_unit_test(test_serial_input),
        cmocka_unit_test(test_screen),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
