/* A machine whose clock stands at the second that CLOCK names. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    const char *seconds = getenv("CLOCK");
    if (clock == CLOCK_REALTIME && seconds)
        time->tv_sec = atoll(seconds);
    return result;
}
