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
#define DRAIN_MILLISECONDS 2

#define MSR_CONNECTED 0xb0 /* carrier, data set ready, clear to send */

static uint8_t interrupt_cause(const struct serial *serial)
{
    if ((serial->ier & IER_LINE) && serial->overrun)
        return IIR_LINE;
    if ((serial->ier & IER_RECEIVE) && serial->fifo_count > 0)
        return IIR_RECEIVE;
    if ((serial->ier & IER_TRANSMIT) && serial->transmit_interrupt)
        return IIR_TRANSMIT;
    return IIR_NONE;
}

static void update_line(struct serial *serial)
{
    bool high = interrupt_cause(serial) != IIR_NONE;

    if (high == serial->line)
        return;
    serial->line = high;
    serial->irq(serial->opaque, high);
}

static void receive(struct serial *serial, uint8_t byte)
{
    if (serial->fifo_count == SERIAL_FIFO) {
        serial->overrun = true;
        return;
    }
    serial->fifo[(serial->fifo_first + serial->fifo_count++) % SERIAL_FIFO] = byte;
}

/* Move what waits into the FIFO; when nothing waits any more, the character device may go on. */
static void fill_fifo(struct serial *serial)
{
    while (serial->waiting_count > 0 && serial->fifo_count < SERIAL_FIFO) {
        receive(serial, serial->waiting[serial->waiting_first++]);
        serial->waiting_count--;
    }
    if (serial->paused && serial->waiting_count == 0) {
        serial->paused = false;
        loop_post(serial->loop, &serial->refill);
    }
}

static void send(struct serial *serial, uint8_t byte)
{
    if (serial->mcr & MCR_LOOP) {
        receive(serial, byte);
        return;
    }
    /* A guest that sends although the transmitter says it is full loses the byte, as on a chip. */
    if (serial->ring_count < SERIAL_RING)
        serial->ring[(serial->ring_first + serial->ring_count++) % SERIAL_RING] = byte;
    serial->transmit_interrupt = serial->ring_count < SERIAL_RING;
    if (!serial->draining || serial->ring_count == SERIAL_RING)
        loop_post(serial->loop, &serial->drain);
    serial->draining = true;
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
    uint8_t status = serial->ring_count < SERIAL_RING ? LSR_THR_EMPTY | LSR_EMPTY : 0;

    if (serial->fifo_count > 0)
        status |= LSR_DATA;
    if (serial->overrun)
        status |= LSR_OVERRUN;
    serial->overrun = false;
    return status;
}

static uint8_t take_received(struct serial *serial)
{
    uint8_t byte = 0;

    if (serial->fifo_count > 0) {
        byte = serial->fifo[serial->fifo_first];
        serial->fifo_first = (serial->fifo_first + 1) % SERIAL_FIFO;
        serial->fifo_count--;
        fill_fifo(serial);
    }
    return byte;
}

static uint8_t interrupt_identification(struct serial *serial)
{
    uint8_t cause = interrupt_cause(serial);

    /* Reading it takes the transmitter's interrupt back. */
    if (cause == IIR_TRANSMIT)
        serial->transmit_interrupt = false;
    return cause | (serial->fcr & FCR_ENABLE ? IIR_FIFO : 0);
}

static uint32_t serial_read(void *device, uint32_t offset, unsigned width)
{
    struct serial *serial = device;
    bool divisor = serial->lcr & LCR_DIVISOR;
    uint8_t value = 0;

    (void)width;
    switch (offset) {
    case RBR_THR:
        value = divisor ? serial->dll : take_received(serial);
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
        serial->transmit_interrupt = serial->ring_count < SERIAL_RING;
    serial->ier = value & 0x0f;
}

static void serial_write(void *device, uint32_t offset, unsigned width, uint32_t word)
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
            send(serial, value);
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
            serial->fifo_count = 0;
            fill_fifo(serial);
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

/* ---- the character device's side, on the main thread ---- */

/* Take what the guest has sent; 0 when there is nothing, and then the next byte posts the work again. */
static uint32_t take_sent(struct serial *serial, uint8_t bytes[SERIAL_RING])
{
    uint32_t count;

    ports_lock(serial->ports);
    count = serial->ring_count;
    for (uint32_t i = 0; i < count; i++)
        bytes[i] = serial->ring[(serial->ring_first + i) % SERIAL_RING];
    serial->ring_first = (serial->ring_first + count) % SERIAL_RING;
    serial->ring_count = 0;
    serial->draining = count > 0;
    if (count == SERIAL_RING)
        serial->transmit_interrupt = true;
    update_line(serial);
    ports_unlock(serial->ports);
    return count;
}

static void drain(void *opaque);

static void drain_again(void *opaque)
{
    struct serial *serial = opaque;

    serial->timer = NULL;
    drain(serial);
}

/* The first byte goes out at once. While more follow, they are collected for a moment: waking this thread for
 * each costs more than all the rest of a slow line. */
static void drain(void *opaque)
{
    struct serial *serial = opaque;
    uint8_t bytes[SERIAL_RING];
    uint32_t count = take_sent(serial, bytes);

    if (count == 0)
        return;
    if (serial->channel)
        channel_write(serial->channel, bytes, count, true);
    if (!serial->timer)
        serial->timer = timer_add(serial->loop, DRAIN_MILLISECONDS, drain_again, serial);
}

static void refill(void *opaque)
{
    struct serial *serial = opaque;

    if (serial->channel)
        channel_pause(serial->channel, false);
}

static void *opened(void *user, struct channel *channel)
{
    struct serial *serial = user;

    serial->channel = channel;
    return serial;
}

/* The character device hands over at most what `waiting` holds at a time, and is paused until the guest has
 * taken all of it. */
static void input(void *session, const uint8_t *bytes, size_t length)
{
    struct serial *serial = session;
    bool pause;

    ports_lock(serial->ports);
    if (serial->waiting_count == 0)
        serial->waiting_first = 0;
    for (size_t i = 0; i < length; i++) {
        uint32_t at = serial->waiting_first + serial->waiting_count;

        if (at == sizeof serial->waiting) {
            serial->overrun = true;
            break;
        }
        serial->waiting[at] = bytes[i];
        serial->waiting_count++;
    }
    fill_fifo(serial);
    update_line(serial);
    pause = serial->paused = serial->waiting_count > 0;
    ports_unlock(serial->ports);
    /* If the guest emptied `waiting` in between, the refill that it posted is still to run. */
    if (pause)
        channel_pause(serial->channel, true);
}

static void closed(void *session)
{
    struct serial *serial = session;

    serial->channel = NULL;
}

static const struct chardev_user_ops user_ops = {
    .single = true,
    .opened = opened,
    .input = input,
    .closed = closed,
};

void serial_init(struct serial *serial, struct ports *ports, uint16_t port, struct loop *loop,
                 void (*irq)(void *opaque, bool high), void *opaque)
{
    const struct port_range range = { port, 8, 1, serial_read, serial_write, serial };

    *serial = (struct serial){ .ports = ports, .loop = loop, .irq = irq, .opaque = opaque };
    serial->drain = (struct work){ .run = drain, .opaque = serial };
    serial->refill = (struct work){ .run = refill, .opaque = serial };
    ports_add(ports, &range);
    serial_reset(serial);
}

void serial_reset(struct serial *serial)
{
    serial->ier = serial->fcr = serial->lcr = serial->scr = serial->dlm = 0;
    serial->mcr = 0x08; /* OUT2: the interrupt line is connected */
    serial->dll = 12;   /* 9600 baud, as a PC's firmware leaves it */
    serial->transmit_interrupt = false;
    serial->overrun = false;
    serial->fifo_count = 0;
    fill_fifo(serial);
    update_line(serial);
}

void serial_stop(struct serial *serial)
{
    if (serial->timer)
        timer_cancel(serial->timer);
    serial->timer = NULL;
}

bool serial_attach(struct serial *serial, struct chardev *chardev, struct error *error)
{
    return chardev_attach(chardev, &user_ops, serial, error);
}
