/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/serial.h"

#include <string.h>

/* Registers by offset */
enum { RBR_THR, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCR };

#define IER_RECEIVE 0x01
#define IER_TRANSMIT 0x02
#define IER_LINE 0x04
#define IIR_NONE 0x01
#define IIR_TRANSMIT 0x02
#define IIR_RECEIVE 0x04
#define IIR_LINE 0x06
#define IIR_FIFO 0xc0
#define FCR_ENABLE 0x01
#define FCR_CLEAR_RECEIVE 0x02
#define LCR_DIVISOR 0x80
#define MCR_LOOP 0x10
#define LSR_DATA 0x01
#define LSR_OVERRUN 0x02
#define LSR_THR_EMPTY 0x20
#define LSR_EMPTY 0x40

#define MSR_CONNECTED 0xb0 /* carrier, data set ready, clear to send */

static uint8_t interrupt_cause(const struct serial *serial)
{
    if ((serial->ier & IER_LINE) && serial->line.overrun)
        return IIR_LINE;
    if ((serial->ier & IER_RECEIVE) && serial->line.fifo_count > 0)
        return IIR_RECEIVE;
    if ((serial->ier & IER_TRANSMIT) && serial->transmit_interrupt)
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

static void transmit(struct serial *serial, uint8_t byte)
{
    if (serial->mcr & MCR_LOOP) {
        line_receive(&serial->line, byte);
        return;
    }
    line_send(&serial->line, byte);
    serial->transmit_interrupt = line_has_room(&serial->line);
}

static uint8_t modem_status(const struct serial *serial)
{
    if (!(serial->mcr & MCR_LOOP))
        return MSR_CONNECTED;
    /* In loop-back the modem outputs are its inputs: RTS, DTR, OUT1, OUT2 -> CTS, DSR, RI, DCD. */
    return (uint8_t)((serial->mcr & 0x02) << 3 | (serial->mcr & 0x01) << 5 | (serial->mcr & 0x0c) << 4);
}

static uint8_t line_status(struct serial *serial)
{
    uint8_t status = line_has_room(&serial->line) ? LSR_THR_EMPTY | LSR_EMPTY : 0;

    if (serial->line.fifo_count > 0)
        status |= LSR_DATA;
    if (serial->line.overrun)
        status |= LSR_OVERRUN;
    serial->line.overrun = false;
    return status;
}

static uint8_t interrupt_identification(struct serial *serial)
{
    uint8_t cause = interrupt_cause(serial);

    /* Reading it takes the transmitter's interrupt back. */
    if (cause == IIR_TRANSMIT)
        serial->transmit_interrupt = false;
    return cause | (serial->fcr & FCR_ENABLE ? IIR_FIFO : 0);
}

static uint64_t serial_read(void *device, uint64_t offset, unsigned width)
{
    struct serial *serial = device;
    bool divisor = serial->lcr & LCR_DIVISOR;
    uint8_t value = 0;

    (void)width;
    switch (offset) {
    case RBR_THR:
        value = divisor ? serial->dll : line_take(&serial->line);
        break;
    case IER:
        value = divisor ? serial->dlm : serial->ier;
        break;
    case IIR_FCR:
        value = interrupt_identification(serial);
        break;
    case LCR:
        value = serial->lcr;
        break;
    case MCR:
        value = serial->mcr;
        break;
    case LSR:
        value = line_status(serial);
        break;
    case MSR:
        value = modem_status(serial);
        break;
    case SCR:
        value = serial->scr;
        break;
    }
    update_line(serial);
    return value;
}

static void set_interrupts(struct serial *serial, uint8_t value)
{
    /* Enabling the transmitter's interrupt while the transmitter is empty raises it. */
    if ((value & IER_TRANSMIT) && !(serial->ier & IER_TRANSMIT))
        serial->transmit_interrupt = line_has_room(&serial->line);
    serial->ier = value & 0x0f;
}

static void serial_write(void *device, uint64_t offset, unsigned width, uint64_t word)
{
    struct serial *serial = device;
    uint8_t value = (uint8_t)word;
    bool divisor = serial->lcr & LCR_DIVISOR;

    (void)width;
    switch (offset) {
    case RBR_THR:
        if (divisor)
            serial->dll = value;
        else
            transmit(serial, value);
        break;
    case IER:
        if (divisor)
            serial->dlm = value;
        else
            set_interrupts(serial, value);
        break;
    case IIR_FCR:
        serial->fcr = value & 0xc9;
        if (value & FCR_CLEAR_RECEIVE) {
            line_clear(&serial->line);
        }
        break;
    case LCR:
        serial->lcr = value;
        break;
    case MCR:
        serial->mcr = value & 0x1f;
        break;
    case SCR:
        serial->scr = value;
        break;
    default: /* LSR and MSR are read-only */
        break;
    }
    update_line(serial);
}

static void line_changed(void *device, bool emptied)
{
    struct serial *serial = device;

    if (emptied)
        serial->transmit_interrupt = true;
    update_line(serial);
}

void serial_init(struct serial *serial, const struct board *board, uint16_t port, unsigned gsi)
{
    const struct bus_range range = { .first = port,
                                     .count = 8,
                                     .width_max = 1,
                                     .read = serial_read,
                                     .write = serial_write,
                                     .device = serial,
                                     .lock = &serial->line.lock,
                                     .name = "serial port" };

    *serial = (struct serial){ .vm = board->vm, .gsi = gsi };
    line_init(&serial->line, board, line_changed, serial);
    bus_add_at_start(board->bus, &range);
    serial_reset(serial);
}

void serial_reset(struct serial *serial)
{
    pthread_mutex_lock(&serial->line.lock);
    serial->ier = serial->fcr = serial->lcr = serial->scr = serial->dlm = 0;
    serial->mcr = 0x08; /* OUT2: the interrupt line is connected */
    serial->dll = 12;   /* 9600 baud, as a PC's firmware leaves it */
    serial->transmit_interrupt = false;
    serial->line.overrun = false;
    line_clear(&serial->line);
    update_line(serial);
    pthread_mutex_unlock(&serial->line.lock);
}
