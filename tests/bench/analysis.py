"""The analyzer on synthetic heaps of millions of objects, beside what the machine can do at best. `make bench-analysis` calls it.

Each command is a child process over files on disk. CPU time is the child's own, user and system, the least of several runs; peak
memory is its whole resident memory, the mapped file included. Both are told for each object of the later dump.
"""

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

LEAK = "app.models.SomeRef"
MIB = 2**20

# What is asked, and the goals for 10 M objects in birth order: ns and bytes per object.
QUESTIONS = {
    "diff": (["diff", "A", "B"], 150, 36),
    "chain, a tenth of all objects": (["chain", "--type", LEAK, "A", "B"], 350, 80),
    "top --retained": (["top", "--retained", "B"], None, None),
    "top --objects": (["top", "--objects", "B"], 400, 60),
    "diff --retained": (["diff", "--retained", "A", "B"], None, None),
}


def synthesise(arguments, millions, order, directory):
    """A pair of dumps; the number of objects of the later one."""
    before, after = Path(directory, "A.dump"), Path(directory, "B.dump")
    objects = round(millions * 1e6)
    subprocess.run(
        [
            *(arguments.synth, "--objects", str(objects), "--order", order),
            *("--leaked", str(objects // 10), "--output", before, "--later", after),
        ],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    info = subprocess.run([arguments.command, "info", "--json", after], check=True, capture_output=True)
    return {"A": before, "B": after}, json.loads(info.stdout)["infos"][0]["objects"]


def run(command):
    """CPU seconds, wall seconds and peak bytes."""
    with tempfile.TemporaryFile() as errors:
        begun = os.times().elapsed
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        wall = os.times().elapsed - begun
        errors.seek(0)
        said = errors.read().decode()
    if child.returncode != 0:
        raise SystemExit(f"{command}: {said}")
    return usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * 1024


def limits(arguments, objects, huge):
    """What the machine can do at best over a column of so many objects, with huge pages as memdump asks for, or without."""
    environment = {**os.environ, "GLIBC_TUNABLES": f"glibc.malloc.hugetlb={int(huge)}"}
    found = subprocess.run([arguments.limits, "--values", str(objects)], check=True, capture_output=True, env=environment)
    return json.loads(found.stdout)


def verdict(figure, goal):
    return "" if goal is None else f"  goal {goal}: {'reached' if figure <= goal else 'MISSED'}"


def measure(arguments, millions, order):
    """Prints a heap's table; returns the CPU ns and the bytes per object of each question, on one thread."""
    with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
        dumps, objects = synthesise(arguments, millions, order, directory)
        size = dumps["B"].stat().st_size
        print(f"\n{objects / 1e6:.2f} M objects, {order} order, {size / objects:.1f} bytes each on disk")
        for name, huge in (("small pages", False), ("huge pages", True)):
            found = limits(arguments, objects, huge)
            print(
                f"  limits, {name:11}  read {found['sequential_ns']:.2f}, random {found['independent_ns']:.1f}, "
                f"one after the other {found['dependent_ns']:.0f}, zstd {found['zstd_ns']:.1f} ns per value"
            )
        figures = {}
        for question, (words, ns_goal, bytes_goal) in QUESTIONS.items():
            if arguments.only and not any(word in question for word in arguments.only):
                continue
            command = [arguments.command, *(dumps.get(word, word) for word in words)]
            walls = []
            for threads in (1, 2):
                runs = [run([*command, "--threads", str(threads)]) for _ in range(arguments.repeat)]
                cpu, wall, peak = (min(figure) for figure in zip(*runs, strict=True))
                walls.append(wall)
                ns, per_object = cpu * 1e9 / objects, peak / objects
                if threads == 1:
                    figures[question] = (ns, per_object)
                # Goals are for a fresh heap of ten million.
                has_goal = millions == 10 and order == "birth"
                print(
                    f"  {question:30} {threads} thread{'s' if threads > 1 else ' '} {ns:7.0f} ns {per_object:6.1f} B {wall:7.2f} s"
                    f"{verdict(ns, ns_goal if has_goal else None)}{verdict(per_object, bytes_goal if has_goal else None)}"
                )
            print(f"  {'':30} one thread : two {walls[0] / walls[1]:5.2f} × in wall time")
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--command", required=True, help="the command memdump")
    parser.add_argument("--synth", required=True, help="the synthesiser of dumps")
    parser.add_argument("--limits", required=True, help="the program that measures the machine")
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 10], help="sizes of heaps, in millions of objects")
    parser.add_argument("--orders", nargs="+", default=["birth", "shuffled"], choices=["birth", "shuffled"])
    parser.add_argument("--repeat", type=int, default=3, help="runs of each command; the least counts")
    parser.add_argument("--only", nargs="*", help="only questions whose name has one of these words")
    parser.add_argument("--directory", help="where the dumps go meanwhile: some 10 bytes per object, twice")
    arguments = parser.parse_args()
    for order in arguments.orders:
        found = {millions: measure(arguments, millions, order) for millions in sorted(arguments.millions)}
        least, most = min(found), max(found)
        if least < most:
            print(f"\n{most:g} M : {least:g} M objects, {order} order, per object")
            for question, (ns, per_object) in found[most].items():
                slower, larger = ns / found[least][question][0], per_object / found[least][question][1]
                print(f"  {question:30} {slower:5.2f} × ns {larger:5.2f} × bytes{verdict(slower, 1.2)}")


if __name__ == "__main__":
    main()
