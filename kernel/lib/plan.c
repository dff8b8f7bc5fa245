/* SPDX-License-Identifier: MIT */
/*
 * Reader of the self-test plan: which programs run, with which limits and expectations.
 *
 * A line is first split into words (unquoting copies them into line->words), then the words are
 * understood. Each step returns NULL or the reason why the line is malformed.
 */
#include "kernel/lib/plan.h"

#include "kernel/lib/lines.h"
#include "kernel/lib/string.h"

/* `test`, the name, an option of each kind, the variables, the command. */
#define WORDS_MAX (7 + PLAN_ENV_MAX - PLAN_ENV_NDEFAULT + PLAN_ARGV_MAX)

const char *const plan_env_default[] = {"PATH=" PLAN_PATH, "HOME=/", NULL};

void plan_init(struct plan_reader *reader, const char *text, size_t size)
{
    *reader = (struct plan_reader){.text = text, .size = size};
}

/* Copies a word to *to, without its quotes and with a NUL, and moves *from behind it. Quotes may
 * begin and end within a word, as in a shell, and each kind is text within the other; a backslash
 * means something in double quotes only. Adjacent quoted parts are one word. */
static const char *split_word(const char **from, const char *end, char **to)
{
    const char *at = *from;
    char *out = *to;
    char quote = '\0'; /* the one that is open */

    for (; at < end && (quote || !is_blank(*at)); at++) {
        if (quote ? *at == quote : *at == '"' || *at == '\'') {
            quote = quote ? '\0' : *at;
            continue;
        }
        if (quote == '"' && *at == '\\') {
            at++;
            if (at == end || (*at != '"' && *at != '\\'))
                return "a backslash in quotes before something else than \" or \\";
        }
        *out++ = *at;
    }
    if (quote)
        return "a quote that is not closed";
    *out++ = '\0';
    *from = at;
    *to = out;
    return NULL;
}

/* A word and its NUL are never longer than the word and the blank (or end of line) behind it: what
 * comes out fits into PLAN_LINE_MAX + 1 bytes. */
static const char *split_line(struct plan_line *line, char *words[WORDS_MAX], unsigned *out_nwords)
{
    const char *at = line->line;
    const char *end = at + line->line_length;
    char *to = line->words;
    unsigned nwords = 0;

    for (;;) {
        const char *fault;

        while (at < end && is_blank(*at))
            at++;
        if (at == end)
            break;
        if (nwords == WORDS_MAX)
            return "too many words";
        words[nwords++] = to;
        fault = split_word(&at, end, &to);
        if (fault)
            return fault;
    }
    *out_nwords = nwords;
    return NULL;
}

static NOINLINE bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* The name goes into the report unquoted, hence no blanks and no `#`. */
static bool is_name(const char *name)
{
    size_t length = 0;

    for (; name[length]; length++) {
        char byte = name[length];

        if (!is_letter(byte) && !is_digit(byte) && !strchr("_.+-", byte))
            return false;
    }
    return length > 0;
}

/* A decimal number of at most max, without sign or anything else. The limit is checked at each
 * digit, so the product cannot overflow. Not inlined, as it is used often and speed is nothing. */
static NOINLINE bool parse_number(const char *text, uint32_t max, uint32_t *out)
{
    uint64_t value = 0;

    if (!*text)
        return false;
    for (; *text; text++) {
        if (!is_digit(*text))
            return false;
        value = value * 10 + (uint64_t)(*text - '0');
        if (value > max)
            return false;
    }
    *out = (uint32_t)value;
    return true;
}

/* What stands after the prefix, or NULL if the word does not begin with it. Both for options and
 * for the values of expect=. */
static const char *after_prefix(const char *word, const char *prefix)
{
    size_t length = strlen(prefix);

    return strncmp(word, prefix, length) == 0 ? word + length : NULL;
}

/* No test may be without a limit: 0 is refused rather than taken as "none". */
static const char *parse_limit(struct plan_line *line, const char *value)
{
    if (!parse_number(value, PLAN_LIMIT_MAX, &line->limit_s) || line->limit_s == 0)
        return "limit= needs a number of seconds from 1 to 1000000";
    return NULL;
}

/* Exactly one outcome is right for each test; what it is not stays a failure. */
static const char *parse_expect(struct plan_line *line, const char *value)
{
    const char *rest;
    uint32_t code;

    if (strcmp(value, "limit") == 0) {
        line->expect = PLAN_EXPECT_LIMIT;
        return NULL;
    }
    rest = after_prefix(value, "exit:");
    if (rest && parse_number(rest, 255, &code)) {
        line->expect = PLAN_EXPECT_EXIT;
        line->expect_value = (int)code;
        return NULL;
    }
    rest = after_prefix(value, "signal:");
    if (rest && plan_signal_number(rest)) {
        line->expect = PLAN_EXPECT_SIGNAL;
        line->expect_value = plan_signal_number(rest);
        return NULL;
    }
    return "expect= needs exit:0 to exit:255, signal:NAME or limit";
}

static const char *parse_skip(struct plan_line *line, const char *value)
{
    line->skip = value;
    return *value ? NULL : "skip= needs a reason";
}

/* 0 is refused: a program that says so has passed. */
static const char *parse_skip_code(struct plan_line *line, const char *value)
{
    if (!parse_number(value, 255, &line->skip_code) || line->skip_code == 0)
        return "skipcode= needs 1 to 255";
    return NULL;
}

/* The number that is left out means "no user" to system calls. */
static const char *parse_user(struct plan_line *line, const char *value)
{
    return parse_number(value, UINT32_MAX - 1, &line->uid) ? NULL : "user= needs a number";
}

/* Names as the shell's, which drops others from its environment. A default is replaced where it
 * stands; a word of this line is not. */
static const char *parse_env(struct plan_line *line, const char *value)
{
    size_t n = 0;
    unsigned i = 0;

    while (is_letter(value[n]) || value[n] == '_' || (n && is_digit(value[n])))
        n++;
    if (!n || value[n] != '=')
        return "env= needs NAME=VALUE";
    while (i < line->nenv && strncmp(line->env[i], value, n + 1) != 0)
        i++;
    if (i < line->nenv && (i >= PLAN_ENV_NDEFAULT || line->env[i] != plan_env_default[i]))
        return "an option that is given twice";
    if (i == PLAN_ENV_MAX)
        return "too many words";
    line->env[i] = value;
    line->nenv = MAX(line->nenv, i + 1);
    return NULL;
}

/* The options of a test line, told by their prefix. */
static const struct option {
    const char *prefix;
    const char *(*parse)(struct plan_line *line, const char *value);
} options[] = {
    {"limit=", parse_limit}, {"expect=", parse_expect},
    {"skip=", parse_skip},   {"skipcode=", parse_skip_code},
    {"user=", parse_user},   {"env=", parse_env}, /* the last, as it may come again */
};

/* letters= : meant as an option, even if there is no such one. A misspelt option must not silently
 * become the program to run. */
static bool looks_like_option(const char *word)
{
    size_t n = 0;

    while (is_letter(word[n]) || word[n] == '_' || word[n] == '-')
        n++;
    return n > 0 && word[n] == '=';
}

/* *seen has a bit for each option that the line has had. Twice is an error, since neither "first"
 * nor "last wins" would be obvious to the reader of a plan. */
static const char *parse_option(struct plan_line *line, const char *word, unsigned *seen)
{
    for (unsigned i = 0; i < ARRAY_SIZE(options); i++) {
        const char *value = after_prefix(word, options[i].prefix);

        if (!value)
            continue;
        if (*seen & (1u << i))
            return "an option that is given twice";
        if (i < ARRAY_SIZE(options) - 1)
            *seen |= 1u << i;
        return options[i].parse(line, value);
    }
    return "an unknown option before the command";
}

/* Options stand between name and command, in any order. An empty first word ("") is no command. */
static const char *parse_words(struct plan_line *line, char *const words[], unsigned nwords)
{
    unsigned at = 2;
    unsigned seen = 0;

    if (strcmp(words[0], "test") != 0)
        return "the first word is not `test`";
    if (nwords < 2 || !is_name(words[1]))
        return "a test needs a name made of A-Z a-z 0-9 _ . + -";
    line->name = words[1];
    /* Set for each line: the structure is used again. */
    line->limit_s = PLAN_LIMIT_DEFAULT;
    /* Up to the first word that is no option: what follows belongs to the command, `a=b` included.
     */
    for (; at < nwords && looks_like_option(words[at]); at++) {
        const char *fault = parse_option(line, words[at], &seen);

        if (fault)
            return fault;
    }
    if (at == nwords || !*words[at])
        return "no command";
    /* Either could be meant to win. */
    if (line->skip_code && line->expect == PLAN_EXPECT_EXIT &&
        line->skip_code == (uint32_t)line->expect_value)
        return "skipcode= is expected";
    /* WORDS_MAX has room for options besides, so a line may have passed that and still be too long.
     */
    if (nwords - at > PLAN_ARGV_MAX)
        return "more than 64 words in the command";
    line->argc = nwords - at;
    /* The words stay in line->words: argv is valid until the next plan_next. */
    memcpy(line->argv, words + at, line->argc * sizeof(line->argv[0]));
    line->argv[line->argc] = NULL;
    line->env[line->nenv] = NULL;
    return NULL;
}

/* Comments are checked as text too, so that a file saved in the wrong encoding is found at its
 * first line. */
static COLD const char *plan_parse_line(struct plan_line *line)
{
    struct line text = {line->line, line->line_length};
    char *words[WORDS_MAX];
    unsigned nwords = 0;
    const char *fault;

    if (line->line_length > PLAN_LINE_MAX)
        return "a line longer than 4096 bytes";
    fault = line_fault(&text);
    if (fault || line->line[0] == '#')
        return fault;
    fault = split_line(line, words, &nwords);
    return fault ? fault : parse_words(line, words, nwords);
}

/* A malformed line is returned as such: it fails as a test and does not end the plan. */
enum plan_kind plan_next(struct plan_reader *reader, struct plan_line *line)
{
    struct line text;

    while (line_next(reader->text, reader->size, &reader->position, &text)) {
        reader->line_number++;
        if (line_trim(text).length == 0)
            continue;
        /* All but the large arrays, which `argc` and the pointers give a meaning. */
        line->line = text.text;
        line->line_length = text.length;
        line->line_number = reader->line_number;
        line->name = NULL;
        line->expect = PLAN_EXPECT_EXIT;
        line->expect_value = 0;
        line->skip = NULL;
        line->skip_code = line->uid = 0;
        line->nenv = PLAN_ENV_NDEFAULT;
        memcpy(line->env, plan_env_default, sizeof(plan_env_default));
        line->argc = 0;
        line->reason = plan_parse_line(line);
        if (line->reason)
            return PLAN_MALFORMED;
        if (line->argc > 0) /* not a comment */
            return PLAN_TEST;
    }
    return PLAN_END;
}

/* Index: the signal's number on x86-64 Linux. */
static const char *const signal_names[] = {
    [1] = "SIGHUP",     [2] = "SIGINT",   [3] = "SIGQUIT",   [4] = "SIGILL",   [5] = "SIGTRAP",
    [6] = "SIGABRT",    [7] = "SIGBUS",   [8] = "SIGFPE",    [9] = "SIGKILL",  [10] = "SIGUSR1",
    [11] = "SIGSEGV",   [12] = "SIGUSR2", [13] = "SIGPIPE",  [14] = "SIGALRM", [15] = "SIGTERM",
    [16] = "SIGSTKFLT", [17] = "SIGCHLD", [18] = "SIGCONT",  [19] = "SIGSTOP", [20] = "SIGTSTP",
    [21] = "SIGTTIN",   [22] = "SIGTTOU", [23] = "SIGURG",   [24] = "SIGXCPU", [25] = "SIGXFSZ",
    [26] = "SIGVTALRM", [27] = "SIGPROF", [28] = "SIGWINCH", [29] = "SIGIO",   [30] = "SIGPWR",
    [31] = "SIGSYS",
};

/* 0 is no signal's number. */
int plan_signal_number(const char *name)
{
    for (int i = 1; i < (int)ARRAY_SIZE(signal_names); i++) {
        if (strcmp(name, signal_names[i]) == 0)
            return i;
    }
    return 0;
}

const char *plan_signal_name(int number)
{
    return number > 0 && number < (int)ARRAY_SIZE(signal_names) ? signal_names[number] : NULL;
}
