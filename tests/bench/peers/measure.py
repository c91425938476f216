"""Runs a command and measures its CPU time and peak memory, from outside."""

import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass

# A command that has taken this long is not run again for a better figure.
ONCE_ABOVE_S = 30


@dataclass(frozen=True)
class Run:
    """CPU seconds of the process and of all it waited for; the peak resident bytes of the largest of them."""

    cpu_s: float
    peak_bytes: int
    output: str


class Failed(Exception):
    """The command did not end well, or not in time; the text says why."""


def best(command, timeout, times=3, before=None):
    """The run that took the least CPU time: what is on top of it is the machine's noise, not the tool's work."""
    fastest = None
    for _ in range(times):
        if before:
            before()
        run = once(command, timeout)
        if fastest is None or run.cpu_s < fastest.cpu_s:
            fastest = run
        if run.cpu_s > ONCE_ABOVE_S:
            break
    return fastest


def once(command, timeout):
    command = [str(part) for part in command]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        status, usage = wait(process.pid, timeout)
        # Reaped here, not by subprocess, which would not tell what the process used.
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if usage is None:
        raise Failed(f"not done after {timeout} s")
    if process.returncode != 0:
        last = text.strip().splitlines()[-1:] or ["no output"]
        raise Failed(f"ended with {process.returncode}: {last[0][:200]}")
    return Run(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, text)


def wait(pid, timeout):
    """Status and usage of the child; no usage if it had to be ended because it took too long."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            return status, usage
        time.sleep(0.01)
    os.killpg(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1], None
