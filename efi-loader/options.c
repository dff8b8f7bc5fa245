/* SPDX-License-Identifier: MIT */
/*
 * Load options as text.
 *
 * LoadOptions has no type (UEFI 2.10 section 3.1.3): the UEFI shell passes UCS-2 with the program's
 * own name first, boot entries made by efibootmgr may hold UCS-2 or bytes, some firmware puts
 * binary data there. Both widths are tried; what is text in neither is ignored with a message.
 *
 * Afterwards blanks are single, and a leading program name is removed: it is quoted, or a word
 * without "=", or one that ends in .efi.
 */
#include "efi-loader/options.h"
#include "kernel/lib/string.h"
#include "shared/linux/errno.h"

static bool is_blank(unsigned c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* ASCII only: the words of the command line are. */
static bool is_text(unsigned c)
{
    return (c >= 0x20 && c < 0x7f) || is_blank(c);
}

/* Little-endian, byte by byte: the buffer may be unaligned. */
static unsigned char_at(const unsigned char *bytes, size_t index, unsigned width)
{
    if (width == 1)
        return bytes[index];
    return bytes[2 * index] | (unsigned)bytes[2 * index + 1] << 8;
}

/* Copies characters of the given width up to the terminator or the end; -EINVAL if one is not
 * text, if there are too many, or if anything but zeroes follows the terminator. */
static int copy_text(const unsigned char *bytes, size_t nchars, unsigned width, char *text,
                     size_t capacity)
{
    size_t length = 0;

    for (; length < nchars && char_at(bytes, length, width); length++) {
        unsigned c = char_at(bytes, length, width);

        if (!is_text(c) || length + 1 >= capacity)
            return -EINVAL;
        text[length] = is_blank(c) ? ' ' : (char)c;
    }
    for (size_t i = length; i < nchars; i++) {
        if (char_at(bytes, i, width))
            return -EINVAL;
    }
    text[length] = '\0';
    return (int)length;
}

/* Without regard to case, as FAT has none. */
static bool ends_in_efi(const char *word, size_t length)
{
    static const char suffix[] = ".efi";

    if (length < sizeof(suffix) - 1)
        return false;
    word += length - (sizeof(suffix) - 1);
    for (size_t i = 0; i < sizeof(suffix) - 1; i++) {
        char c = word[i];

        if (c >= 'A' && c <= 'Z')
            c += 'a' - 'A';
        if (c != suffix[i])
            return false;
    }
    return true;
}

/* How many characters at the beginning are the program's name. A word with "=" is an option and not
 * a name, so that options without a name before them are kept. */
static size_t name_length(const char *text)
{
    size_t length = 0;
    bool assignment = false;

    if (text[0] == '"') {
        for (length = 1; text[length] && text[length] != '"'; length++)
            ;
        return text[length] ? length + 1 : length;
    }
    for (; text[length] && text[length] != ' '; length++)
        assignment |= text[length] == '=' && length > 0;
    return !assignment || ends_in_efi(text, length) ? length : 0;
}

/* Removes blanks at both ends and all but one of each run between. */
static int squeeze(char *text)
{
    size_t out = 0;

    for (size_t in = 0; text[in]; in++) {
        if (text[in] == ' ' && (out == 0 || text[out - 1] == ' '))
            continue;
        text[out++] = text[in];
    }
    if (out && text[out - 1] == ' ')
        out--;
    text[out] = '\0';
    return (int)out;
}

int options_to_text(const void *options, size_t nbytes, char *text, size_t capacity)
{
    const unsigned char *bytes = options;

    text[0] = '\0';
    if (!options || nbytes == 0)
        return 0;
    /* In 16-bit text every second byte is 0, which no 8-bit text contains but at its end. */
    int length = -EINVAL;
    if (nbytes % 2 == 0)
        length = copy_text(bytes, nbytes / 2, 2, text, capacity);
    if (length < 0)
        length = copy_text(bytes, nbytes, 1, text, capacity);
    if (length < 0) {
        text[0] = '\0';
        return length;
    }
    squeeze(text);
    size_t skip = name_length(text);
    memmove(text, text + skip, strlen(text + skip) + 1);
    return squeeze(text);
}
