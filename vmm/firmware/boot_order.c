/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/boot_order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/boot_index.h"
#include "firmware/option_rom.h"
#include "pci/bus.h"

/* What Open Firmware calls functions by their class, and what is behind them, as QEMU has it. */
static const struct {
    uint8_t class, subclass;
    const char *name, *behind;
} kinds[] = {
    { 0x01, 0x00, "scsi", "/disk@0,0" }, /* virtio-blk */
    { 0x02, 0x00, "ethernet", "/ethernet-phy@0" },
    { 0x06, 0x04, "pci-bridge", "" },
};

static void write_part(FILE *out, const struct pci_function *function, bool last)
{
    const char *name = "pci", *behind = "";

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (function->config[PCI_CLASS + 2] == kinds[i].class &&
            function->config[PCI_CLASS + 1] == kinds[i].subclass) {
            name = kinds[i].name;
            behind = kinds[i].behind;
        }
    fprintf(out, "/%s@%x", name, PCI_SLOT(function->devfn));
    if (PCI_FUNCTION(function->devfn))
        fprintf(out, ",%x", PCI_FUNCTION(function->devfn));
    if (last)
        fputs(behind, out);
}

/* From the root on: bridges, and the function. */
static void write_path(FILE *out, const struct pci_function *function, bool last)
{
    const struct pci_bridge *bridge = function->bus->bridge;

    if (bridge)
        write_path(out, bridge->function, false);
    else
        fputs("/pci@i0cf8", out);
    write_part(out, function, last);
}

/* The function of a device with a boot index; NULL: it is none of PCI. */
static const struct pci_function *function_of(const struct board *board, const struct device *device)
{
    struct pci_function *function = NULL;

    while (board->pci && (function = pci_next(board->pci, function)) != NULL)
        if (&function->device == device)
            return function;
    return NULL;
}

static void write_line(FILE *out, const struct pci_function *function, unsigned *count)
{
    if ((*count)++ > 0)
        fputc('\n', out);
    write_path(out, function, true);
}

/* Whether a function is of the kind that a drive's letter names: c a disk, n a network card. */
static bool is_kind(const struct pci_function *function, char letter)
{
    const uint8_t class = function->config[PCI_CLASS + 2], subclass = function->config[PCI_CLASS + 1];

    return subclass == 0 && ((letter == 'c' && class == 0x01) || (letter == 'n' && class == 0x02));
}

static bool has_index(const struct board *board, const struct pci_function *function)
{
    const struct device *device = NULL;

    while ((device = boot_index_next(board, device)) != NULL)
        if (device == &function->device)
            return true;
    return false;
}

/* Those without an index, of a kind by address. */
static void write_kind(FILE *out, const struct board *board, char letter, unsigned *count)
{
    const struct pci_function *function = NULL;

    while (board->pci && (function = pci_next(board->pci, function)) != NULL)
        if (is_kind(function, letter) && !has_index(board, function))
            write_line(out, function, count);
}

static unsigned write_paths(FILE *out, const struct board *board, const char *rom, const char *letters)
{
    const struct device *device = NULL;
    unsigned count = 0;

    if (rom) {
        fprintf(out, "/rom@" OPTION_ROM_FOLDER "%s", rom);
        count++;
    }
    if (board->pci)
        pci_lock(board->pci);
    while ((device = boot_index_next(board, device)) != NULL) {
        const struct pci_function *function = function_of(board, device);

        if (function)
            write_line(out, function, &count);
    }
    for (const char *letter = letters; *letter; letter++)
        write_kind(out, board, *letter, &count);
    if (board->pci)
        pci_unlock(board->pci);
    return count;
}

bool boot_order_publish(struct fw_cfg *fw_cfg, const struct board *board, const char *rom,
                        const char *letters, bool strict, struct error *error)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    unsigned count;
    bool set;

    if (!out)
        return error_set(error, "out of memory");
    count = write_paths(out, board, rom, strict ? "" : letters);
    if (count > 0 && strict)
        fputs("\nHALT", out);
    if (fclose(out) != 0) {
        free(text);
        return error_set(error, "out of memory");
    }
    /* Its NUL is part of it. A machine without an order has an empty file. */
    set = fw_cfg_set_file(fw_cfg, "bootorder", text, count > 0 ? length + 1 : 0, error);
    free(text);
    return set;
}
