"""One process under measurement: builds a heap, ticks in a thread, and is dumped. Prints one JSON object.

Usage: target.py KIND TRACKED DIRECTORY, with KIND `fresh`, `aged` (half of it freed and refilled, references shuffled) or `large`
(fresh, with texts that make 8 GiB of it).
"""

import contextlib
import ctypes
import gc
import json
import os
import random
import resource
import sys
import threading
import time

import memdump
import objgraph


class Order:
    def __init__(self, number):
        self.number = number
        self.name = f"order {number}"
        self.lines = [number, self]


class Customer:
    __slots__ = ("name", "orders")

    def __init__(self, number):
        self.name = f"customer {number}"
        self.orders = {}


def fresh(tracked):
    """About `tracked` tracked objects: customers with a dict of orders, each with attributes and a list."""
    customers = []
    for number in range(tracked // 20):
        customer = Customer(number)
        for index in range(9):
            order = Order(number * 10 + index)
            customer.orders[index] = order
        customers.append(customer)
    return customers


def aged(tracked):
    """The same, but half of it freed at random and filled in again, three times, and references made at random."""
    choose = random.Random(1)
    customers = fresh(tracked)
    for _ in range(3):
        choose.shuffle(customers)
        del customers[: len(customers) // 2]
        customers += fresh(tracked // 2)
    choose.shuffle(customers)
    orders = [order for customer in customers for order in customer.orders.values()]
    choose.shuffle(orders)
    for order, other in zip(orders, reversed(orders), strict=True):
        order.lines[1] = other
    return customers


def large(tracked):
    """The same as fresh, and each order has a text, 8 GiB together."""
    customers = fresh(tracked)
    orders = [order for customer in customers for order in customer.orders.values()]
    for order in orders:
        order.text = b"x" * (8 * 2**30 // len(orders))
    return customers


class Ticks(threading.Thread):
    """Notes the longest time between two ticks of a millisecond: what a request would have waited."""

    def __init__(self):
        super().__init__(daemon=True)
        self.longest = 0.0
        self.start()

    def run(self):
        last = time.perf_counter()
        while True:
            time.sleep(0.001)
            now = time.perf_counter()
            self.longest = max(self.longest, now - last)
            last = now

    def during(self, call):
        """The longest time between ticks while `call` runs, and what it returns."""
        time.sleep(0.02)
        self.longest = 0.0
        result = call()
        time.sleep(0.02)
        return self.longest, result


def bare_fork():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def median(values):
    return sorted(values)[len(values) // 2]


def children_cpu():
    """CPU seconds of the children that were waited for: all of a snapshot process, its exit too."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def private_kib():
    with open("/proc/self/smaps_rollup") as rollup:
        return sum(int(line.split()[1]) for line in rollup if line.startswith("Private"))


class Watcher(threading.Thread):
    """Looks at what the children of this process have written to, again and again."""

    def __init__(self):
        super().__init__(daemon=True)
        self.most_kib = 0
        self.looked = 0
        self.over = threading.Event()

    def run(self):
        me = str(os.getpid())
        while not self.over.wait(0.02):
            for entry in os.scandir("/proc"):
                if entry.name.isdigit():
                    with contextlib.suppress(OSError, IndexError):
                        with open(f"/proc/{entry.name}/stat") as stat:
                            parent = stat.read().rpartition(") ")[2].split(" ")[1]
                        if parent == me:
                            with open(f"/proc/{entry.name}/smaps_rollup") as rollup:
                                dirty = [int(line.split()[1]) for line in rollup if line.startswith("Private_Dirty")]
                            self.most_kib = max([self.most_kib, *dirty])
                            self.looked += 1


def child_dirty_kib(directory):
    """The most memory that a snapshot process had for itself at any time that it was looked at, in a dump of its own."""
    watcher = Watcher()
    watcher.start()
    memdump.dump(f"{directory}/watched.dump")
    watcher.over.set()
    watcher.join()
    return watcher.most_kib if watcher.looked else None


def main():
    kind, tracked, directory = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    gc.disable()
    kept = {"fresh": fresh, "aged": aged, "large": large}[kind](tracked)
    gc.enable()
    gc.collect()
    gc.disable()
    libc = ctypes.CDLL(None)
    libc.malloc_trim(0)
    ticks = Ticks()
    memdump.dump(f"{directory}/warm.dump")
    before = private_kib()
    pauses, forks, dumps, cpu = [], [], [], []
    # In turns, so that both see the same noise of the machine.
    for number in range(7):
        forks.append(ticks.during(bare_fork)[0])
        cpu_before = children_cpu()
        pause, report = ticks.during(lambda number=number: memdump.dump(f"{directory}/{kind}{number}.dump"))
        pauses.append(pause)
        dumps.append(report)
        cpu.append(children_cpu() - cpu_before)
    after = private_kib()
    dirty = child_dirty_kib(directory)
    growth, _ = ticks.during(lambda: objgraph.show_growth(limit=1, file=open(os.devnull, "w")))
    print(
        json.dumps(
            {
                "kind": kind,
                "tracked": len(gc.get_objects()),
                "objects": dumps[0].objects,
                "references": dumps[0].references,
                "bytes": dumps[0].bytes,
                "faults": dumps[0].faults,
                "dirty_kib": dirty,
                "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "pause_ms": [min(pauses) * 1e3, median(pauses) * 1e3],
                "fork_ms": [min(forks) * 1e3, median(forks) * 1e3],
                "show_growth_ms": growth * 1e3,
                "cpu_s": [min(cpu), median(cpu)],
                "parent_kib": after - before,
                "dumps": [dump.path for dump in dumps],
            }
        )
    )
    del kept


if __name__ == "__main__":
    main()
