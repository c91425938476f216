/* memdump.h - heap dumps of a live process, for programs in C and whatever can call C.
 *
 *     cc service.c -lmemdump_preload
 *
 * A program that is linked with libmemdump_preload.so allocates by its malloc, which passes everything on to the next one (libc's, or that
 * of another library) and remembers where blocks are. The same library preloaded (LD_PRELOAD) needs none of these calls.
 *
 * Settings come from the environment: MEMDUMP_DIR, MEMDUMP_SIGNAL, MEMDUMP_STACKS and the others of docs/native.md.
 */
#ifndef MEMDUMP_H
#define MEMDUMP_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* From now on SIGUSR1 (or MEMDUMP_SIGNAL) makes this process write a heap dump, from a copy of itself. A handler that stood there is still
 * called. Called again it takes the signal back from whoever has taken it since. Not to be called by two threads at once.
 *
 * Returns 0, or -1 if nothing was installed; memdump_error() tells why. */
int memdump_install(void);

/* Writes a dump to the file now, and returns when it is complete. Needs no memdump_install(). An existing file is never overwritten, and of a
 * dump that fails nothing is left.
 *
 * Returns 0, or -1 if there is no dump; memdump_error() tells why. */
int memdump_dump(const char *path);

/* Writes why the last call that failed in this process did into text, ended with a zero byte and cut to size bytes. Returns the length of the
 * whole reason without the zero byte, as snprintf does; 0 if no call has failed. text may be NULL if size is 0. */
size_t memdump_error(char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
