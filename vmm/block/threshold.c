/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Write thresholds of nodes: a write that reaches beyond one is told to the monitors, once, so that somebody
 * can make the storage under a thin image larger in time. As QEMU's block-set-write-threshold.
 */
#include "block/node_state.h"

void block_nodes_report(struct block_nodes *nodes, struct loop *loop, event_sink *event, void *opaque)
{
    nodes->loop = loop;
    nodes->event = event;
    nodes->opaque = opaque;
}

void block_node_set_threshold(struct block_node *node, uint64_t threshold)
{
    atomic_store(&node->threshold, threshold);
}

uint64_t block_node_threshold(const struct block_node *node)
{
    return atomic_load(&node->threshold);
}

/* Posted to the main thread. */
void block_threshold_tell(void *opaque)
{
    struct block_node *node = opaque;
    const struct block_nodes *nodes = node->nodes;
    const struct event event = { .kind = EVENT_BLOCK_WRITE_THRESHOLD,
                                 .threshold = { .node = node->name,
                                                .threshold = atomic_load(&node->exceeded),
                                                .amount = atomic_load(&node->excess) } };

    nodes->event(nodes->opaque, &event);
}

void block_threshold_check(struct block_node *top, uint64_t end)
{
    for (struct block_node *node = top; node; node = node->below) {
        uint64_t threshold = atomic_load_explicit(&node->threshold, memory_order_relaxed);

        /* Of several threads one tells it. */
        if (threshold == 0 || end <= threshold || !node->nodes->loop ||
            !atomic_compare_exchange_strong(&node->threshold, &threshold, 0))
            continue;
        atomic_store(&node->exceeded, threshold);
        atomic_store(&node->excess, end - threshold);
        loop_post(node->nodes->loop, &node->tell);
    }
}
