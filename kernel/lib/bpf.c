/* SPDX-License-Identifier: MIT */
/*
 * Classic BPF programs, in the dialect of seccomp(2).
 *
 * A machine with two 32-bit registers, A and X, and 16 words of memory. Jumps go forward only, so
 * every program ends. Loads come from struct seccomp_data, by whole words at constant, aligned
 * offsets. What the check promises to the interpreter: codes are those of the table below; targets
 * of jumps lie in the program, the last instruction of which returns; no constant divides by 0 or
 * shifts by more than 31; a word of memory is read only where each way there has written it.
 *
 * Instructions that no path reaches are checked all the same, as on Linux: what counts as written
 * goes on behind a return as if it were none, and starts afresh with all behind a jump.
 */
#include "kernel/lib/bpf.h"

#include "kernel/lib/string.h"

#define CLASS(code) ((code)&7)
#define OPERAND_X   0x08 /* of ALU and JMP: X in place of the constant */
#define WORDS       16   /* of memory */

enum { CLASS_JMP = 5, CLASS_RET = 6 };

/* Class, operation, and how the operand is addressed: linux/bpf_common.h has the parts. */
enum code {
    LD_IMM = 0x00,
    LD_ABS = 0x20,
    LD_MEM = 0x60,
    LD_LEN = 0x80,
    LDX_IMM = 0x01,
    LDX_MEM = 0x61,
    LDX_LEN = 0x81,
    ST = 0x02,
    STX = 0x03,
    ADD = 0x04,
    SUB = 0x14,
    MUL = 0x24,
    DIV = 0x34,
    OR = 0x44,
    AND = 0x54,
    LSH = 0x64,
    RSH = 0x74,
    NEG = 0x84,
    XOR = 0xa4,
    JA = 0x05,
    JEQ = 0x15,
    JGT = 0x25,
    JGE = 0x35,
    JSET = 0x45,
    RET_K = 0x06,
    RET_A = 0x16,
    TAX = 0x07,
    TXA = 0x87,
};

/* Bit n of word i: code 32 i + n is one. */
#define BIT(code)  (1u << ((code)&31))
#define BOTH(code) (BIT(code) | BIT((code) | OPERAND_X))
static const uint32_t allowed[8] = {
    BIT(LD_IMM) | BIT(LDX_IMM) | BIT(ST) | BIT(STX) | BOTH(ADD) | BIT(JA) | BIT(RET_K) | BIT(TAX) |
        BOTH(SUB) | BOTH(JEQ) | BIT(RET_A),
    BIT(LD_ABS) | BOTH(MUL) | BOTH(JGT) | BOTH(DIV) | BOTH(JGE),
    BOTH(OR) | BOTH(JSET) | BOTH(AND),
    BIT(LD_MEM) | BIT(LDX_MEM) | BOTH(LSH) | BOTH(RSH),
    BIT(LD_LEN) | BIT(LDX_LEN) | BIT(NEG) | BIT(TXA),
    BOTH(XOR),
};

/* left: instructions behind this one. *written: words of memory, on each way here. */
static bool insn_check(const struct lx_sock_filter *insn, unsigned left, uint16_t *written,
                       uint16_t *behind)
{
    if (insn->code > 0xff || !(allowed[insn->code / 32] & BIT(insn->code)))
        return false;
    switch (insn->code) {
    case LD_ABS:
        return insn->k < sizeof(struct lx_seccomp_data) && insn->k % 4 == 0;
    case DIV:
        return insn->k != 0; /* by X: it is looked at when the program runs */
    case LSH:
    case RSH:
        return insn->k < 32;
    case LD_MEM:
    case LDX_MEM:
        return insn->k < WORDS && (*written >> insn->k & 1);
    case ST:
    case STX:
        *written |= (uint16_t)(1u << (insn->k % WORDS));
        return insn->k < WORDS;
    case JA: /* 32 bits: the sum with this one's place might wrap */
        if (insn->k >= left)
            return false;
        behind[insn->k] &= *written;
        *written = UINT16_MAX;
        return true;
    default:
        if (CLASS(insn->code) != CLASS_JMP) /* registers and constants alone */
            return true;
        /* Two ways: what is written behind either of them is what is written now. */
        if (insn->jt >= left || insn->jf >= left)
            return false;
        behind[insn->jt] &= *written;
        behind[insn->jf] &= *written;
        *written = UINT16_MAX;
        return true;
    }
}

/* One pass: jumps go forward, so all that lead to an instruction have been seen before it. */
COLD bool bpf_check(const struct lx_sock_filter *insns, unsigned count, uint16_t *scratch)
{
    uint16_t written = 0;

    /* Of each instruction: the words that all jumps to it find written. */
    memset(scratch, 0xff, count * sizeof(*scratch));
    for (unsigned i = 0; i < count; i++) {
        written &= scratch[i];
        if (!insn_check(&insns[i], count - i - 1, &written, scratch + i + 1))
            return false;
    }
    return CLASS(insns[count - 1].code) == CLASS_RET;
}

/* Long because it is one switch over all instructions. The registers are 0 at first; memory is
 * cleared for the reader's peace, the check has seen to it. Arithmetic is modulo 2^32, comparisons
 * are without a sign. */
uint32_t bpf_run(const struct lx_sock_filter *at, const struct lx_seccomp_data *data)
{
    uint32_t a = 0, x = 0, memory[WORDS] = {0};
    bool jump;

    for (;; at++) {
        /* No other class than ALU and JMP has that bit. */
        const uint32_t operand = at->code & OPERAND_X ? x : at->k;

        switch (at->code & ~OPERAND_X) {
        case LD_IMM:
            a = at->k;
            continue;
        case LD_ABS:
            /* Little-endian: the low half of a 64-bit member comes first. */
            memcpy(&a, (const char *)data + at->k, sizeof(a));
            continue;
        case LD_MEM:
            a = memory[at->k];
            continue;
        case LD_LEN:
            a = sizeof(*data);
            continue;
        case LDX_IMM:
            x = at->k;
            continue;
        case LDX_MEM:
            x = memory[at->k];
            continue;
        case LDX_LEN:
            x = sizeof(*data);
            continue;
        case ST:
            memory[at->k] = a;
            continue;
        case STX:
            memory[at->k] = x;
            continue;
        case ADD:
            a += operand;
            continue;
        case SUB:
            a -= operand;
            continue;
        case MUL:
            a *= operand;
            continue;
        case DIV:
            if (!operand) /* X: the program ends, as on Linux */
                return 0;
            a /= operand;
            continue;
        case OR:
            a |= operand;
            continue;
        case AND:
            a &= operand;
            continue;
        case LSH: /* by X: as the processor shifts */
            a <<= operand % 32;
            continue;
        case RSH:
            a >>= operand % 32;
            continue;
        case NEG:
            a = -a;
            continue;
        case XOR:
            a ^= operand;
            continue;
        case TAX:
            x = a;
            continue;
        case TXA:
            a = x;
            continue;
        case JA:
            at += at->k;
            continue;
        case JEQ:
            jump = a == operand;
            break;
        case JGT:
            jump = a > operand;
            break;
        case JGE:
            jump = a >= operand;
            break;
        case JSET:
            jump = (a & operand) != 0;
            break;
        case RET_A:
            return a;
        default:
            return at->k;
        }
        at += jump ? at->jt : at->jf;
    }
}
