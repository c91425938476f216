"""memdump's analyses beside those of other tools, in one run: `make bench-peers` calls it. Prints tables in Markdown.

Each tool reads a dump of its own runtime; the heaps have the same shape and as nearly as possible the same number of objects.
Figures count per object, so what is left of the difference in size does not matter. CPU time is that of all threads and processes
together.
"""

import argparse
import shutil
import sys
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import heaps
import measure
from install import Missing, Peers

HERE = Path(__file__).resolve().parent
MIB = 2**20
HEADINGS = (
    "tool",
    "gives",
    "heap",
    "objects",
    "references",
    "CPU",
    "objects per second of CPU",
    "CPU, × memdump",
    "peak memory",
    "per object",
    "memory, × memdump",
)


@dataclass(frozen=True)
class Figure:
    """One tool's answer to one question; `failed` says why there is none."""

    question: str
    tool: str
    answers: str
    heap: heaps.Heap | None
    run: measure.Run | None
    failed: str = ""

    def cpu_ns(self):
        return self.run.cpu_s / self.heap.objects * 1e9

    def peak(self):
        return self.run.peak_bytes / self.heap.objects


class Bench:
    """The heaps, made when they are first needed, and the figures so far."""

    def __init__(self, arguments, directory):
        self.arguments = arguments
        self.directory = directory
        self.peers = Peers(arguments.into, arguments.wheel)
        self.figures = []

    def place(self, name):
        place = self.directory / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        return place

    def measure(self, question, tool, answers, heap, command, before=None):
        print(f"peers: {tool}: {answers}", file=sys.stderr, flush=True)
        try:
            run = measure.best(command, self.arguments.timeout, self.arguments.times, before)
            figure = Figure(question, tool, answers, heap, run)
        except measure.Failed as failed:
            figure = Figure(question, tool, answers, heap, None, str(failed))
        self.figures.append(figure)
        # A run takes long: what is known should not be lost with it.
        print(row(figure, figure), file=sys.stderr, flush=True)

    def memdump(self, question, heap, answers, *arguments):
        """memdump's own figure for a question. The first of each question is what the others are compared with."""
        self.measure(question, "memdump", answers, heap, [self.arguments.command, *arguments])

    def peer(self, question, tool, ask):
        """Asks a peer, if it is wanted, or says why it cannot be asked."""
        if self.arguments.only and tool not in self.arguments.only:
            return
        try:
            ask()
        except (Missing, RuntimeError) as why:
            self.figures.append(Figure(question, tool, "", None, None, str(why)))

    # The questions.

    def synthetic_and_others(self):
        heap = heaps.synthetic(self.arguments.synth, self.arguments.objects, self.place("synthetic"))
        a, b, c = heap.paths
        types = "objects and bytes of each type"
        retained = "dominators, retained bytes of each type"
        leaks = "over three dumps: new objects that stay, what holds them"

        self.memdump(types, heap, "`top`", "top", b)
        self.peer(types, "hprof-slurp", lambda: self.hprof_slurp(types))
        self.memdump(retained, heap, "`top --retained`", "top", "--retained", b)
        self.peer(retained, "hprof-analyzer", lambda: self.hprof_analyzer(retained))
        self.peer(retained, "memlab", lambda: self.memlab_size(retained))
        self.memdump(leaks, heap, "`chain A C`", "chain", "--type", "SomeRef", a, c)
        self.memdump(leaks, heap, "`new A B C`", "new", a, b, c)
        self.peer(leaks, "memlab", lambda: self.memlab_leaks(leaks))

    def hprof_slurp(self, question):
        command, tool = self.peers.crate("hprof-slurp")
        heap = self.java_heap
        self.measure(question, tool, "the same", heap, [command, heap.paths[0]])

    def hprof_analyzer(self, question):
        command, tool = self.peers.crate("hprof-analyzer")
        heap = self.java_heap
        report = self.directory / "report.html"
        self.measure(question, tool, "the same, suspects, a report", heap, [command, heap.paths[0], report])

    def memlab_size(self, question):
        memlab, tool = self.memlab_command()
        heap = self.v8_heap
        snapshot = ["--snapshot", heap.paths[-1], "--work-dir", self.place("memlab")]
        self.measure(question, tool, "biggest objects by retained size", heap, [*memlab, "analyze", "object-size", *snapshot])

    def memlab_leaks(self, question):
        memlab, tool = self.memlab_command()
        heap = self.v8_heap
        baseline, target, final = heap.paths
        snapshots = ["--baseline", baseline, "--target", target, "--final", final, "--work-dir", self.place("memlab")]
        leaked = ["--leak-filter", heaps.HEAPS / "leaked.js"]
        self.measure(question, tool, "both, grouped", heap, [*memlab, "find-leaks", *snapshots, *leaked])

    def memlab_command(self):
        script, tool = self.peers.memlab()
        return [self.peers.node(), "--expose-gc", "--max-old-space-size=16000", script], tool

    def python_heap(self):
        question = "a dump of the same Python process, into a database"

        def ask():
            interpreter, tool = self.peers.midden()
            ours, theirs = heaps.python(interpreter, self.arguments.command, self.arguments.objects, self.place("python"))
            heap = ours.paths[0]
            file = self.directory / "python" / "heap.db"
            load = [self.arguments.command, "load", heap, "-o", file]
            answers = "`load`: a database with chains, dominators, retained bytes"
            self.measure(question, "memdump", answers, ours, load, before=lambda: file.unlink(missing_ok=True))
            self.memdump(question, ours, "`top`", "top", heap)
            self.memdump(question, ours, "`top --retained`", "top", "--retained", heap)
            database = self.directory / "python" / "midden.lmdb"
            load = [interpreter, HERE / "midden_load.py", theirs.paths[0], database]
            answers = "a database with referrers, estimates of what is reachable"
            self.measure(question, tool, answers, theirs, load, before=lambda: empty(database))

        self.peer(question, "midden", ask)
        self.peer(question, "PyHeap", not_to_be_had)

    @cached_property
    def java_heap(self):
        return heaps.java(self.peers.java(), self.arguments.objects, self.place("java"))

    @cached_property
    def v8_heap(self):
        return heaps.v8(self.peers.node(), self.arguments.objects, self.place("v8"))


def not_to_be_had():
    raise Missing("it is in no registry (PyPI's PyHeap is a priority queue)")


def empty(directory):
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()


def table(figures):
    """One table a question; ratios to the question's first figure, which is memdump's."""
    head = "| " + " | ".join(HEADINGS) + " |"
    lines = []
    for question in dict.fromkeys(figure.question for figure in figures):
        of_question = [figure for figure in figures if figure.question == question]
        first = next((figure for figure in of_question if figure.run), None)
        lines += ["", f"**{question[0].upper()}{question[1:]}**", "", head, "|" + " --- |" * len(HEADINGS)]
        lines += [row(figure, first) for figure in of_question]
    return "\n".join(lines)


def row(figure, first):
    if figure.run is None:
        why = f"not measured: {figure.failed}"
        cells = [figure.tool, why, *[""] * (len(HEADINGS) - 2)]
    else:
        heap, run = figure.heap, figure.run
        cells = [
            figure.tool,
            figure.answers,
            heap.runtime,
            f"{heap.objects / 1e6:.2f} M",
            f"{heap.references / 1e6:.2f} M",
            f"{run.cpu_s:.2f} s",
            f"{heap.objects / run.cpu_s / 1e6:.2f} M",
            "1" if figure is first else ratio(figure.cpu_ns() / first.cpu_ns()),
            f"{run.peak_bytes / MIB:.0f} MiB",
            f"{figure.peak():.0f} B",
            "1" if figure is first else ratio(figure.peak() / first.peak()),
        ]
    return "| " + " | ".join(cells) + " |"


def ratio(number):
    return f"{number:.1f}" if number >= 1 else f"{number:.2f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", type=Path, required=True, help="the command memdump")
    parser.add_argument("--synth", type=Path, required=True, help="the generator of dumps")
    parser.add_argument("--wheel", type=Path, required=True, help="the Python package memdump, as a wheel")
    parser.add_argument("--into", type=Path, required=True, help="where the peers are installed")
    parser.add_argument(
        "--only", action="append", choices=("hprof-slurp", "hprof-analyzer", "memlab", "midden"), help="only this peer"
    )
    parser.add_argument("--objects", type=int, default=1_000_000, help="objects of each heap")
    parser.add_argument("--times", type=int, default=3, help="run each command so often, and take the best")
    parser.add_argument("--timeout", type=int, default=900, help="seconds that a command may take")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.into if arguments.into.exists() else None, prefix="heaps") as directory:
        bench = Bench(arguments, Path(directory))
        bench.synthetic_and_others()
        bench.python_heap()
    print(table(bench.figures))


if __name__ == "__main__":
    main()
