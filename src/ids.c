/* Ids and times in the form the API shows them. */
#include "iqm/ids.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Random bytes are drawn in bulk: one system call for many ids. */
static void draw(uint8_t *ret_bytes, size_t count)
{
    static _Thread_local uint8_t pool[1024];
    static _Thread_local size_t left;

    if (left < count) {
        randombytes_buf(pool, sizeof pool);
        left = sizeof pool;
    }
    left -= count;
    memcpy(ret_bytes, pool + left, count);
    memset(pool + left, 0, count);
}

/* Time as 60 bits: milliseconds and twelve bits of their fraction, never repeated in a thread. */
static uint64_t next_tick(void)
{
    static _Thread_local uint64_t last;
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    uint64_t fraction = (uint64_t)now.tv_nsec % 1000000 * 4096 / 1000000;
    uint64_t tick = ms << 12 | fraction;
    if (tick <= last)
        tick = last + 1;
    last = tick;
    return tick;
}

void iqm_uuid7(char ret_text[static IQM_UUID_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[16];
    uint64_t tick = next_tick();
    uint64_t ms = tick >> 12;

    for (size_t i = 0; i < 6; i++)
        bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
    bytes[6] = (uint8_t)(0x70 | (tick >> 8 & 0x0f));
    bytes[7] = (uint8_t)tick;
    draw(bytes + 8, 8);
    bytes[8] = (uint8_t)(0x80 | (bytes[8] & 0x3f));

    char *out = ret_text;
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

void iqm_time_now(char ret_text[static IQM_TIME_TEXT])
{
    struct timespec now;
    struct tm parts;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    size_t length = strftime(ret_text, IQM_TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(ret_text + length, IQM_TIME_TEXT - length, ".%03uZ",
        (unsigned)(now.tv_nsec / 1000000 % 1000));
}

uint64_t iqm_clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
