/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NULL in place of a writer, or a writer for which hotram_aml_begin() failed: every function of hotram/aml.h
 * and hotram/aml_device.h leaves it alone, with whatever arguments. Texts are NULL or known, since nobody
 * looks.
 *
 * proof: sources core/aml.c core/aml_resource.c core/aml_term.c core/buffer.c
 * proof: options --unsigned-overflow-check --unwind 3
 */
#include <hotram/aml.h>

#include "proof.h"

static const char *text(void)
{
    return nondet_bool() ? "AB" : NULL;
}

static void call_terms(struct hotram_aml *aml)
{
    hotram_aml_path(aml, text());
    hotram_aml_integer(aml, nondet_uint64());
    hotram_aml_string(aml, text());
    hotram_aml_eisaid(aml, text());
    hotram_aml_arg(aml, nondet_uint32());
    hotram_aml_local(aml, nondet_uint32());
    hotram_aml_no_target(aml);
    hotram_aml_op(aml, (enum hotram_aml_operator)nondet_uint32());
    hotram_aml_name(aml, text());
}

static void call_blocks(struct hotram_aml *aml)
{
    hotram_aml_scope(aml, text());
    hotram_aml_device(aml, text());
    hotram_aml_method(aml, text(), nondet_uint32(), nondet_bool());
    hotram_aml_if(aml);
    hotram_aml_else(aml);
    hotram_aml_while(aml);
    hotram_aml_package(aml, nondet_uint32());
    hotram_aml_resource_template(aml);
    hotram_aml_buffer(aml, NULL, nondet_size());
    hotram_aml_end(aml);
}

static void call_registers(struct hotram_aml *aml)
{
    hotram_aml_operation_region(aml, text(), (enum hotram_aml_space)nondet_uint32(), nondet_uint64(),
                                nondet_uint64());
    hotram_aml_field(aml, text(), nondet_uint32());
    hotram_aml_field_unit(aml, text(), nondet_uint32());
    hotram_aml_field_gap(aml, nondet_uint32());
    hotram_aml_create_qword_field(aml, text(), nondet_uint32(), text());
    hotram_aml_create_dword_field(aml, text(), nondet_uint32(), text());
    hotram_aml_mutex(aml, text());
    hotram_aml_acquire(aml, text());
    hotram_aml_release(aml, text());
}

static void call_resources(struct hotram_aml *aml)
{
    hotram_aml_io(aml, nondet_uint16(), nondet_uint16(), nondet_uint8(), nondet_uint8());
    hotram_aml_irq_no_flags(aml, nondet_uint32());
    hotram_aml_memory32_fixed(aml, nondet_uint32(), nondet_uint32());
    hotram_aml_dword_memory(aml, nondet_uint32(), nondet_uint32(), nondet_uint32());
    hotram_aml_qword_memory(aml, nondet_uint64(), nondet_uint64(), nondet_uint64());
    hotram_aml_interrupt(aml, nondet_uint32(), nondet_uint32());
    hotram_aml_bus_window(aml, nondet_uint8(), nondet_uint8());
    hotram_aml_io_window(aml, nondet_uint16(), nondet_uint16());
    hotram_aml_memory_window(aml, nondet_uint64(), nondet_uint64());
}

static void prove_finished(struct hotram_aml *aml)
{
    size_t length = nondet_size();

    PROVE(hotram_aml_finish(aml, nondet_bool() ? NULL : &length) == HOTRAM_E_ARGUMENT);
    PROVE(hotram_aml_finish(aml, &length) == HOTRAM_E_ARGUMENT && length == 0);
}

static void call_all(struct hotram_aml *aml)
{
    call_terms(aml);
    call_blocks(aml);
    call_registers(aml);
    call_resources(aml);
    prove_finished(aml);
    REACHABLE(true);
}

void prove_aml_null(void)
{
    call_all(NULL);
}

void prove_aml_without_buffer(void)
{
    struct hotram_aml writer;

    PROVE(hotram_aml_begin(&writer, NULL) == HOTRAM_E_ARGUMENT);
    call_all(&writer);
    PROVE(!writer.out && writer.status == HOTRAM_E_ARGUMENT && writer.depth == 0 && writer.start == 0);
}
