/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that libhotram must not contain, one kind at a time: what looks for it has to find it.
 */
#include <stdint.h>

uint64_t broken(uint64_t a, uint64_t b);

#if defined(GLOBAL)
static uint64_t sum;

uint64_t broken(uint64_t a, uint64_t b)
{
    return sum += a * b;
}
#elif defined(ALLOCATION)
void *malloc(unsigned long size);

uint64_t broken(uint64_t a, uint64_t b)
{
    return (uint64_t)(uintptr_t)malloc((unsigned long)(a + b));
}
#elif defined(DIVISION) /* needs a function of the compiler's own library on 32-bit targets */
uint64_t broken(uint64_t a, uint64_t b)
{
    return a / b;
}
#elif defined(FLOATING)
uint64_t broken(uint64_t a, uint64_t b)
{
    return (uint64_t)((double)a * 1.5 + (double)b);
}
#elif defined(RECURSION)
uint64_t broken(uint64_t a, uint64_t b)
{
    return a == 0 ? b : 1 + broken(a - 1, b) * broken(a - 1, b + 1);
}
#elif defined(POINTER)
extern uint64_t (*volatile broken_pointer)(uint64_t);

uint64_t broken(uint64_t a, uint64_t b)
{
    return broken_pointer(a) + b;
}
#elif defined(POSITION)
uint64_t broken(uint64_t a, uint64_t b)
{
    static const char *const texts[] = { "one", "two", "three", "four" };

    return (uint64_t)(uintptr_t)texts[a & 3] + b;
}
#elif defined(STACK)
void *memset(void *to, int byte, __SIZE_TYPE__ count);

uint64_t broken(uint64_t a, uint64_t b)
{
    volatile uint8_t much[4096];

    memset((void *)much, (int)a, sizeof much);
    return much[b % sizeof much];
}
#endif
