/* Where a fault lands: sigsetjmp returns twice, which Rust code must not do itself. Used by the snapshot process only, which has one thread. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <sys/syscall.h>

struct landing {
    sigjmp_buf place;
    struct landing *outer;
    int signal;
    uintptr_t address;
};

static struct landing *volatile innermost;

static void on_fault(int signal, siginfo_t *info, void *context) {
    (void)context;
    struct landing *landing = innermost;
    if (landing == NULL)
        syscall(SYS_exit_group, 128 + signal);
    landing->signal = signal;
    landing->address = (uintptr_t)info->si_addr;
    siglongjmp(landing->place, 1);
}

/* Handles the signal on the alternate stack. The handler is left without sigreturn and so with the mask that it had: it must not
   block anything (SA_NODEFER, an empty mask), or else the next fault of another kind would find its signal blocked and kill.
   Saving and restoring the mask at each landing would cost system calls. */
int memdump_landing_arm(int signal) {
    struct sigaction action = {0};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigemptyset(&action.sa_mask);
    return sigaction(signal, &action, NULL);
}

/* Calls body(argument). Returns 0, or the number of the signal that ended the call and its address. */
int memdump_landing_call(void (*body)(void *), void *argument, uintptr_t *address) {
    struct landing landing;
    landing.outer = innermost;
    if (sigsetjmp(landing.place, 0) != 0) {
        innermost = landing.outer;
        *address = landing.address;
        return landing.signal;
    }
    innermost = &landing;
    body(argument);
    innermost = landing.outer;
    return 0;
}
