/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A block of AML is closed: from every state of a writer, all HOTRAM_AML_DEPTH blocks included, on the real
 * buffer, of up to CAPACITY bytes of any value. So what is longer is only counted here.
 *
 * proof: sources core/aml.c core/aml_term.c core/buffer.c tests/proof/buffer.c tests/proof/aml_state.c
 * proof: options --unsigned-overflow-check --unwind 17
 */
#include "aml_state.h"

#define TOO_LONG ((1u << 28) - 4) /* the first content without an encoding */

/* The block that is closed, and what closing it should add. */
struct closed {
    size_t start, content;
    bool is_template;
    size_t end_tag, size; /* of a template: its end, and BufferSize (20.2.5.4) */
    unsigned length;      /* PkgLength */
};

static struct closed innermost(void)
{
    const struct hotram_aml_block *block = &writer_before.blocks[writer_before.depth - 1];
    struct closed closed = { .start = block->start, .content = before.length - block->start };

    closed.is_template = block->kind == AML_RESOURCES;
    closed.end_tag = closed.is_template ? 2 : 0;
    closed.size = closed.is_template ? integer_size(closed.content + 2) : 0;
    closed.length = shortest_length(closed.content + closed.end_tag + closed.size);
    return closed;
}

/* The buffer has the block, and it fits: PkgLength, BufferSize, what was there before, the end tag. */
static void prove_written(const struct closed *closed)
{
    const uint8_t *now = buffer.data + closed->start, *was = memory_before + (CAPACITY - buffer.capacity);
    unsigned count;
    size_t i = nondet_size(), front = closed->length + closed->size;

    PROVE(decode_length(now, &count) == buffer.length - closed->start && count == closed->length);
    PROVE(i >= closed->content || now[front + i] == was[closed->start + i]);
    if (!closed->is_template)
        return;
    PROVE(now[count] == 0x0a && now[count + 1] == closed->content + 2);
    PROVE(now[front + closed->content] == 0x79 && now[front + closed->content + 1] == 0x00);
    REACHABLE(closed->content > 0);
}

void prove_aml_end(void) /* slow */
{
    struct closed closed;

    arbitrary_writer();
    ASSUME(before.length <=
           SIZE_MAX - 15); /* so many bytes are added at most; the length stops at SIZE_MAX */
    hotram_aml_end(&writer);
    prove_writer_holds();
    if (writer_before.status != HOTRAM_OK || writer_before.depth == 0) {
        PROVE(is_written_only(before.length) && buffer.length == before.length);
        prove_writer_alike(HOTRAM_AML_DEPTH);
        PROVE(writer.depth == writer_before.depth);
        PROVE(writer.status == (writer_before.status == HOTRAM_OK ? HOTRAM_E_NESTING : writer_before.status));
        REACHABLE(writer_before.status == HOTRAM_OK);
        return;
    }
    closed = innermost();
    prove_writer_alike(HOTRAM_AML_DEPTH);
    PROVE(writer.depth == writer_before.depth - 1);
    PROVE(is_written_only(closed.start));
    if (closed.content + closed.end_tag + closed.size >= TOO_LONG) {
        PROVE(writer.status == HOTRAM_E_ARGUMENT);
        REACHABLE(closed.is_template);
        return;
    }
    PROVE(writer.status == HOTRAM_OK);
    PROVE(buffer.length == before.length + closed.end_tag + closed.size + closed.length);
    REACHABLE(closed.length == 4 && closed.is_template);
    REACHABLE(closed.length == 1 && buffer.length > buffer.capacity && before.length < buffer.capacity);
    if (buffer.length > buffer.capacity)
        return;
    REACHABLE(closed.content > 1 && !closed.is_template && closed.start > 1);
    prove_written(&closed);
}
