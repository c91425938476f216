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

/* Handles the signal on the alternate stack. SA_NODEFER: the landing leaves the handler without sigreturn, and saving the
   signal mask at each landing would cost a system call. */
int memdump_landing_arm(int signal) {
    struct sigaction action = {0};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigfillset(&action.sa_mask);
    sigdelset(&action.sa_mask, signal);
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
