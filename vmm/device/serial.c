/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/serial.h"

#include <stdlib.h>

#include "base/count_of.h"
#include "device/isa_aml.h"
#include "device/registers.h"

/* Registers by offset */
enum { RBR_THR, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCR };

#define PORTS 8

#define IER_RECEIVE 0x01
#define IER_TRANSMIT 0x02
#define IER_LINE 0x04
#define IER_ALL 0x0f
#define IIR_NONE 0x01
#define IIR_TRANSMIT 0x02
#define IIR_RECEIVE 0x04
#define IIR_LINE 0x06
#define IIR_FIFO 0xc0
#define FCR_ENABLE 0x01
#define FCR_CLEAR_RECEIVE 0x02
#define FCR_ALL 0xc9 /* that are kept */
#define LCR_DIVISOR 0x80
#define MCR_LOOP 0x10
#define MCR_ALL 0x1f
#define LSR_DATA 0x01
#define LSR_OVERRUN 0x02
#define LSR_THR_EMPTY 0x20
#define LSR_EMPTY 0x40

#define MSR_CONNECTED 0xb0 /* carrier, data set ready, clear to send */

static uint8_t interrupt_cause(const struct serial *serial)
{
    if ((serial->state.ier & IER_LINE) && serial->state.line.overrun)
        return IIR_LINE;
    if ((serial->state.ier & IER_RECEIVE) && serial->state.line.fifo_count > 0)
        return IIR_RECEIVE;
    if ((serial->state.ier & IER_TRANSMIT) && serial->state.transmit_interrupt)
        return IIR_TRANSMIT;
    return IIR_NONE;
}

static void update_line(struct serial *serial)
{
    bool high = interrupt_cause(serial) != IIR_NONE;

    if (high == serial->level)
        return;
    serial->level = high;
    vm_irq_line(serial->vm, serial->gsi, high);
}

static void transmit(void *device, uint32_t value)
{
    struct serial *serial = device;
    const uint8_t byte = (uint8_t)value;

    if (serial->state.mcr & MCR_LOOP) {
        line_receive(&serial->line, byte);
        return;
    }
    line_send(&serial->line, byte);
    serial->state.transmit_interrupt = line_has_room(&serial->line);
}

static uint32_t receive(void *device)
{
    return line_take(&((struct serial *)device)->line);
}

static uint32_t modem_status(void *device)
{
    const struct serial *serial = device;

    if (!(serial->state.mcr & MCR_LOOP))
        return MSR_CONNECTED;
    /* In loop-back the modem outputs are its inputs: RTS, DTR, OUT1, OUT2 -> CTS, DSR, RI, DCD. */
    return (serial->state.mcr & 0x02u) << 3 | (serial->state.mcr & 0x01u) << 5 |
           (serial->state.mcr & 0x0cu) << 4;
}

static uint32_t line_status(void *device)
{
    struct serial *serial = device;
    uint32_t status = line_has_room(&serial->line) ? LSR_THR_EMPTY | LSR_EMPTY : 0;

    if (serial->state.line.fifo_count > 0)
        status |= LSR_DATA;
    if (serial->state.line.overrun)
        status |= LSR_OVERRUN;
    serial->state.line.overrun = false;
    return status;
}

static uint32_t interrupt_identification(void *device)
{
    struct serial *serial = device;
    uint8_t cause = interrupt_cause(serial);

    /* Reading it takes the transmitter's interrupt back. */
    if (cause == IIR_TRANSMIT)
        serial->state.transmit_interrupt = false;
    return cause | (serial->state.fcr & FCR_ENABLE ? IIR_FIFO : 0);
}

static void set_interrupts(void *device, uint32_t value)
{
    struct serial *serial = device;

    /* Enabling the transmitter's interrupt while the transmitter is empty raises it. */
    if ((value & IER_TRANSMIT) && !(serial->state.ier & IER_TRANSMIT))
        serial->state.transmit_interrupt = line_has_room(&serial->line);
    serial->state.ier = value & IER_ALL;
}

static void control_fifo(void *device, uint32_t value)
{
    struct serial *serial = device;

    serial->state.fcr = value & FCR_ALL;
    if (value & FCR_CLEAR_RECEIVE)
        line_clear(&serial->line);
}

/* ---- the registers ---- */

#define STORED(member) REGISTER_STORED(struct serial_state, member)

static const struct device_register registers[] = {
    { .offset = RBR_THR, .read = receive, .write = transmit },
    { .offset = IER, STORED(ier), .write = set_interrupts },
    { .offset = IIR_FCR, .read = interrupt_identification, .write = control_fifo },
    { .offset = LCR, STORED(lcr), .bits = 0xff },
    { .offset = MCR, STORED(mcr), .bits = MCR_ALL },
    { .offset = LSR, .read = line_status },
    { .offset = MSR, .read = modem_status },
    { .offset = SCR, STORED(scr), .bits = 0xff },
};

/* In place of the first two while LCR_DIVISOR is set. */
static const struct device_register divisor[] = {
    { .offset = RBR_THR, STORED(dll), .bits = 0xff },
    { .offset = IER, STORED(dlm), .bits = 0xff },
};

static const struct device_register *find(const struct serial *serial, uint64_t offset)
{
    if ((serial->state.lcr & LCR_DIVISOR) && offset < COUNT_OF(divisor))
        return &divisor[offset];
    return register_at(registers, COUNT_OF(registers), offset);
}

static uint64_t serial_read(void *device, uint64_t offset, unsigned width)
{
    struct serial *serial = device;
    const uint32_t value = register_read(find(serial, offset), serial, &serial->state);

    (void)width;
    update_line(serial);
    return value;
}

static void serial_write(void *device, uint64_t offset, unsigned width, uint64_t value)
{
    struct serial *serial = device;

    (void)width;
    register_write(find(serial, offset), serial, &serial->state, (uint8_t)value);
    update_line(serial);
}

static void line_changed(void *device, bool emptied)
{
    struct serial *serial = device;

    if (emptied)
        serial->state.transmit_interrupt = true;
    update_line(serial);
}

/* ---- state ---- */

#define FIELD(member, bits, ...) STATE_FIELD(struct serial_state, member, 1, bits, ##__VA_ARGS__)

static const struct state_field fields[] = {
    LINE_FIELDS(struct serial_state, line),
    FIELD(ier, IER_ALL),
    FIELD(fcr, FCR_ALL),
    FIELD(lcr, UINT8_MAX),
    FIELD(mcr, MCR_ALL, .power_on = 0x08), /* OUT2: the interrupt line is connected */
    FIELD(scr, UINT8_MAX),
    FIELD(dll, UINT8_MAX, .power_on = 12), /* 9600 baud, as a PC's firmware leaves it */
    FIELD(dlm, UINT8_MAX),
    FIELD(transmit_interrupt, 1),
};

static bool valid(const void *state)
{
    return line_state_valid(&((const struct serial_state *)state)->line);
}

const struct state_table serial_state_table = STATE_TABLE("serial", 1, struct serial_state, fields,
                                                          .valid = valid);

void serial_init(struct serial *serial, const struct board *board, uint16_t port, unsigned gsi)
{
    const struct bus_range range = { .first = port,
                                     .count = PORTS,
                                     .width_max = 1,
                                     .read = serial_read,
                                     .write = serial_write,
                                     .device = serial,
                                     .lock = &serial->line.lock,
                                     .name = "serial port" };

    *serial = (struct serial){ .vm = board->vm, .port = port, .gsi = gsi };
    state_power_on(&serial_state_table, &serial->state);
    line_init(&serial->line, board, &serial->state.line, line_changed, serial);
    bus_add_at_start(board->bus, &range);
}

void serial_reset(struct serial *serial)
{
    pthread_mutex_lock(&serial->line.lock);
    state_reset(&serial_state_table, &serial->state);
    line_restored(&serial->line);
    update_line(serial);
    pthread_mutex_unlock(&serial->line.lock);
}

void serial_restored(struct serial *serial)
{
    pthread_mutex_lock(&serial->line.lock);
    line_restored(&serial->line);
    update_line(serial);
    pthread_mutex_unlock(&serial->line.lock);
}

/* ---- the type ---- */

static bool build(struct board *board, const struct chip_place *place, struct error *error)
{
    struct serial *serial = calloc(1, sizeof *serial);

    if (!serial)
        return error_set(error, "out of memory");
    serial_init(serial, board, (uint16_t)place->address, place->gsi);
    device_enlist_chip(&serial->device, board, &serial_type);
    board->serial_line = &serial->line;
    return true;
}

static void reset_device(struct device *device)
{
    serial_reset((struct serial *)device);
}

static void restored_device(struct device *device)
{
    serial_restored((struct serial *)device);
}

static void destroy(struct device *device)
{
    struct serial *serial = (struct serial *)device;

    line_stop(&serial->line);
    line_destroy(&serial->line);
    free(serial);
}

static void aml(const struct device *device, struct hotram_aml *out)
{
    const struct serial *serial = (const struct serial *)device;

    isa_device_aml(out, "COM1", "PNP0501", 1, serial->port, PORTS, serial->gsi);
}

/* QEMU's name of the 16550A; isa-serial is what says which chardev it has. */
const struct device_type serial_type = {
    .name = "serial",
    .parent = "device",
    .build = build,
    .state = &serial_state_table,
    .state_offset = offsetof(struct serial, state),
    .reset = reset_device,
    .restored = restored_device,
    .destroy = destroy,
    .aml = aml,
};
