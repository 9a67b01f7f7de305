/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fixed ACPI description table (ACPI 6.5, 5.2.9, table 5.9). The order of the calls is the table's layout;
 * comments name the fields, with their offsets where a group begins.
 */
#include <hotram/acpi.h>

#define FADT_REVISION 6
#define FADT_MINOR 5

#define PM1_EVENT_LENGTH 4
#define PM1_CONTROL_LENGTH 2
#define PM_TIMER_LENGTH 4

/* "Not supported" for C2 and C3 is a latency above 100 and 1000 us. */
#define NO_C2_LATENCY 0x0fff
#define NO_C3_LATENCY 0x0fff

/* Generic address structure (5.2.3.2): spaces and access sizes. */
#define GAS_SYSTEM_IO 1
#define GAS_BYTE 1
#define GAS_WORD 2
#define GAS_DWORD 3

/* A register of length bytes at an I/O port, or none. */
static void address(struct hotram_buffer *out, uint16_t port, unsigned length, uint8_t access)
{
    if (port == 0 || length == 0) {
        hotram_buffer_zeros(out, 12);
        return;
    }
    hotram_buffer_u8(out, GAS_SYSTEM_IO);
    hotram_buffer_u8(out, length * 8 > UINT8_MAX ? 0 : (uint8_t)(length * 8));
    hotram_buffer_u8(out, 0); /* bit offset */
    hotram_buffer_u8(out, access);
    hotram_buffer_u64(out, port);
}

static uint8_t length_of(uint16_t port, uint8_t length)
{
    return port ? length : 0;
}

/* Offsets 36 to 55. An address has its old 32-bit field where it fits there. */
static void identity(struct hotram_buffer *out, const struct hotram_acpi_fadt *config)
{
    hotram_buffer_u32(out, config->facs <= UINT32_MAX ? (uint32_t)config->facs : 0); /* FIRMWARE_CTRL */
    hotram_buffer_u32(out, config->dsdt <= UINT32_MAX ? (uint32_t)config->dsdt : 0); /* DSDT */
    hotram_buffer_u8(out, 0);
    hotram_buffer_u8(out, config->profile);
    hotram_buffer_u16(out, config->sci);
    hotram_buffer_u32(out, 0);   /* SMI_CMD: none, always in ACPI mode */
    hotram_buffer_zeros(out, 4); /* ACPI_ENABLE, ACPI_DISABLE, S4BIOS_REQ, PSTATE_CNT */
}

/* Offsets 56 to 95. */
static void fixed_hardware(struct hotram_buffer *out, const struct hotram_acpi_fadt *config)
{
    hotram_buffer_u32(out, config->pm1_event);   /* PM1a_EVT_BLK */
    hotram_buffer_u32(out, 0);                   /* PM1b_EVT_BLK */
    hotram_buffer_u32(out, config->pm1_control); /* PM1a_CNT_BLK */
    hotram_buffer_u32(out, 0);                   /* PM1b_CNT_BLK */
    hotram_buffer_u32(out, 0);                   /* PM2_CNT_BLK */
    hotram_buffer_u32(out, config->pm_timer);    /* PM_TMR_BLK */
    hotram_buffer_u32(out, config->gpe0);        /* GPE0_BLK */
    hotram_buffer_u32(out, 0);                   /* GPE1_BLK */
    hotram_buffer_u8(out, length_of(config->pm1_event, PM1_EVENT_LENGTH));
    hotram_buffer_u8(out, length_of(config->pm1_control, PM1_CONTROL_LENGTH));
    hotram_buffer_u8(out, 0); /* PM2_CNT_LEN */
    hotram_buffer_u8(out, length_of(config->pm_timer, PM_TIMER_LENGTH));
    hotram_buffer_u8(out, length_of(config->gpe0, config->gpe0_length));
    hotram_buffer_zeros(out, 3); /* GPE1_BLK_LEN, GPE1_BASE, CST_CNT */
}

/* Offsets 96 to 131. */
static void features(struct hotram_buffer *out, const struct hotram_acpi_fadt *config)
{
    hotram_buffer_u16(out, NO_C2_LATENCY);
    hotram_buffer_u16(out, NO_C3_LATENCY);
    hotram_buffer_zeros(out, 8); /* FLUSH_SIZE, FLUSH_STRIDE, DUTY_*, DAY_ALRM, MON_ALRM */
    hotram_buffer_u8(out, config->century);
    hotram_buffer_u16(out, config->boot_arch);
    hotram_buffer_u8(out, 0);
    hotram_buffer_u32(out, config->flags);
    address(out, config->reset, 1, GAS_BYTE);
    hotram_buffer_u8(out, config->reset_value);
    hotram_buffer_u16(out, config->arm_boot_arch);
    hotram_buffer_u8(out, FADT_MINOR);
}

/* Offsets 132 to 275. The FACS has only one of its two address fields set (5.2.9, X_FIRMWARE_CTRL). */
static void extended_addresses(struct hotram_buffer *out, const struct hotram_acpi_fadt *config)
{
    hotram_buffer_u64(out, config->facs <= UINT32_MAX ? 0 : config->facs);
    hotram_buffer_u64(out, config->dsdt);
    address(out, config->pm1_event, PM1_EVENT_LENGTH, GAS_WORD);
    address(out, 0, 0, 0); /* X_PM1b_EVT_BLK */
    address(out, config->pm1_control, PM1_CONTROL_LENGTH, GAS_WORD);
    address(out, 0, 0, 0); /* X_PM1b_CNT_BLK */
    address(out, 0, 0, 0); /* X_PM2_CNT_BLK */
    address(out, config->pm_timer, PM_TIMER_LENGTH, GAS_DWORD);
    address(out, config->gpe0, config->gpe0_length, GAS_BYTE);
    address(out, 0, 0, 0); /* X_GPE1_BLK */
    address(out, config->sleep_control, 1, GAS_BYTE);
    address(out, config->sleep_status, 1, GAS_BYTE);
    hotram_buffer_u64(out, 0); /* hypervisor vendor identity: none */
}

/* With fixed hardware Linux starts no interpreter unless it finds both PM1 blocks (4.8.3: they are required).
 */
static bool starts_acpi(const struct hotram_acpi_fadt *config)
{
    return (config->flags & HOTRAM_FADT_HW_REDUCED) || (config->pm1_event != 0 && config->pm1_control != 0);
}

enum hotram_status hotram_acpi_fadt(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const struct hotram_acpi_fadt *config)
{
    struct hotram_acpi_table table;

    if (!out || !ids || !config || config->gpe0_length % 2 || !starts_acpi(config))
        return HOTRAM_E_ARGUMENT;
    hotram_acpi_table_begin(&table, out, "FACP", FADT_REVISION, ids);
    identity(out, config);
    fixed_hardware(out, config);
    features(out, config);
    extended_addresses(out, config);
    return hotram_acpi_table_end(&table);
}
