/* A slower disk: every flush takes two milliseconds more. Preloaded into the private PostgreSQL. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

static void wait_more(void)
{
    struct timespec span = {0, 2000000};
    nanosleep(&span, 0);
}

static int slowly(const char *name, int file)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    wait_more();
    return real(file);
}

int fsync(int file) { return slowly("fsync", file); }
int fdatasync(int file) { return slowly("fdatasync", file); }
