/* SPDX-License-Identifier: BSD-2-Clause */
#include <hotram/status.h>

const char *hotram_status_text(enum hotram_status status)
{
    /* A switch, not a table of pointers: a table would need relocations at load time. */
    switch (status) {
    case HOTRAM_OK:
        return "success";
    case HOTRAM_E_ARGUMENT:
        return "a pointer is NULL, or a number violates the function's contract";
    case HOTRAM_E_REGION:
        return "the region is empty or wraps around 2^64, or does not contain the range";
    case HOTRAM_E_SLOT_RANGE:
        return "the bank has no slot with that number";
    case HOTRAM_E_SLOT_TAKEN:
        return "the slot is not empty";
    case HOTRAM_E_NO_SLOT:
        return "the bank has no empty slot";
    case HOTRAM_E_SIZE:
        return "the size is zero or not a multiple of the bank's granularity";
    case HOTRAM_E_ALIGN:
        return "the address is not a multiple of the required alignment";
    case HOTRAM_E_OVERLAP:
        return "the range overlaps that of another DIMM";
    case HOTRAM_E_NO_SPACE:
        return "no hole of the region is large enough at the required alignment";
    case HOTRAM_E_CAPACITY:
        return "the sizes of all DIMMs together would exceed the bank's capacity";
    case HOTRAM_E_STATE:
        return "the slot's state does not allow this operation";
    case HOTRAM_E_BUFFER:
        return "the buffer is too small";
    case HOTRAM_E_NESTING:
        return "AML blocks are nested too deeply, closed more often than opened, or left open; or something was "
               "written outside the kind of block where it belongs";
    case HOTRAM_E_FORMAT:
        return "the bytes are not a saved state of the expected kind, or not a complete one";
    case HOTRAM_E_CHECKSUM:
        return "the saved state is damaged: its checksum does not match";
    case HOTRAM_E_VERSION:
        return "the saved state has a newer version than this library can restore";
    case HOTRAM_E_CONFIG:
        return "the saved bank has a different region or number of slots";
    case HOTRAM_E_VALUE:
        return "the saved state contains a value that cannot occur";
    case HOTRAM_E_ATTACH:
        return "the caller's attach() refused a DIMM or a CPU in the saved state";
    }
    return "not a status of libhotram";
}
