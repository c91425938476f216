/* Threads that allocate and free at full speed by every way there is, and check that blocks keep what was written. A line from it: how much was done so far. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, BLOCKS = 512 };

static atomic_ulong rounds;
static atomic_int end;

static void *work(void *number)
{
    unsigned char *blocks[BLOCKS] = {0};
    size_t sizes[BLOCKS] = {0};
    uint64_t state = (uintptr_t)number * 2654435761u + 1;
    while (!end) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        size_t at = state >> 40 & (BLOCKS - 1), size = state >> 20 & ((state >> 60) == 0 ? 0xffff : 0x1ff);
        unsigned char fill = (unsigned char)at;
        for (size_t i = 0; i < sizes[at]; i++)
            if (blocks[at][i] != fill)
                abort();
        switch (state >> 56 & 7) {
        case 0:
            free(blocks[at]);
            blocks[at] = NULL;
            size = 0;
            break;
        case 1:
        case 2: {
            void *moved = realloc(blocks[at], ++size);
            if (!moved) /* The old one stays as it was. */
                continue;
            blocks[at] = moved;
            break;
        }
        case 3:
            free(blocks[at]);
            blocks[at] = aligned_alloc(128, size);
            break;
        case 4:
            free(blocks[at]);
            blocks[at] = calloc(1, size);
            for (size_t i = 0; blocks[at] && i < size; i++)
                if (blocks[at][i])
                    abort();
            break;
        default:
            free(blocks[at]);
            blocks[at] = malloc(size);
        }
        sizes[at] = blocks[at] ? size : 0;
        memset(blocks[at] ? blocks[at] : &fill, fill, sizes[at]);
        rounds++;
    }
    for (int at = 0; at < BLOCKS; at++)
        free(blocks[at]);
    return number;
}

/* Threads that come and go, and end in the middle. */
static void *pass(void *argument)
{
    free(malloc(100));
    pthread_exit(argument);
}

int main(void)
{
    pthread_t threads[THREADS];
    for (intptr_t i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, (void *)i))
            return 2;
    puts("listening");
    fflush(stdout);
    for (int order; (order = getchar()) != EOF;) {
        if (order == 'f') { /* A process that goes on without exec, until its stdin ends. */
            pid_t child = fork();
            if (child == 0) {
                void *volatile held = malloc(4321);
                printf("child %d\n", (int)getpid());
                fflush(stdout);
                while (getchar() != 'e')
                    ;
                free(held);
                _exit(7);
            }
            int status;
            waitpid(child, &status, 0);
            printf("ended %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
        } else if (order == '\n') {
            pthread_t thread;
            void *result;
            if (pthread_create(&thread, NULL, pass, &rounds) || pthread_join(thread, &result) || result != &rounds)
                return 3;
            printf("%lu\n", (unsigned long)rounds);
        }
        fflush(stdout);
    }
    end = 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
