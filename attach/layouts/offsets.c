/* Prints what `src/layout.rs` has for one version, as Rust; for CPython 3.9 to 3.13:
 *
 *   cc -w -I$(python3.X -c 'import sysconfig; print(sysconfig.get_path("include"))') offsets.c -o offsets && ./offsets
 */
#define Py_BUILD_CORE 1
#include <Python.h>
#include <stddef.h>
#include <stdio.h>
#include "internal/pycore_interp.h"
#include "internal/pycore_runtime.h"

#define R(f) offsetof(_PyRuntimeState, f)
#define I(f) offsetof(PyInterpreterState, f)
#define T(f) offsetof(PyThreadState, f)
#if PY_VERSION_HEX >= 0x030b0000
#define THREADS threads.head
#else
#define THREADS tstate_head
#endif
#define CALLS ((PyInterpreterState *)0)->ceval.pending.calls

int main(void) {
    printf("Layout {\n    minor: %d,\n", PY_MINOR_VERSION);
    printf("    runtime: RuntimeFields { initialized: %zu, finalizing: %zu, head: %zu, main: %zu, main_thread: %zu },\n", R(initialized),
           R(_finalizing), R(interpreters.head), R(interpreters.main), R(main_thread));
    printf("    interpreter: InterpreterFields { next: %zu, id: %zu, threads: %zu },\n", I(next), I(id), I(THREADS));
    printf("    thread: ThreadFields { next: %zu, interpreter: %zu, thread_id: %zu, native_id: ", T(next), T(interp), T(thread_id));
#if PY_VERSION_HEX >= 0x030b0000
    printf("Some(%zu) },\n", T(native_thread_id));
#else
    printf("None },\n");
#endif
    printf("    ring: RingFields {\n        calls: %zu,\n        entry_size: %zu,\n        capacity: %zu,\n        first: %zu,\n", I(ceval.pending.calls),
           sizeof(CALLS[0]), sizeof(CALLS) / sizeof(CALLS[0]), I(ceval.pending.first));
#if PY_VERSION_HEX >= 0x030d0000
    printf("        last: %zu,\n        kind: RingKind::Counted { mutex: %zu, count: %zu, max: %zu, eval_breaker: %zu, bit: 1 << 2 },\n",
           I(ceval.pending.next), I(ceval.pending.mutex), I(ceval.pending.npending), I(ceval.pending.max), T(eval_breaker));
#else
    printf("        last: %zu,\n        kind: RingKind::Flagged { lock: %zu, calls_to_do: %zu, eval_breaker: %zu },\n", I(ceval.pending.last),
           I(ceval.pending.lock), I(ceval.pending.calls_to_do), I(ceval.eval_breaker));
#endif
    printf("    },\n}\n");
    return 0;
}
