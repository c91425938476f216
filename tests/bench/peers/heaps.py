"""Makes the heaps that are measured: of each runtime one, of the same shape and as nearly as possible of the same size."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

HEAPS = Path(__file__).resolve().parent / "heaps"
# Of orders.js: nodes of a snapshot for each customer, and those of node itself.
NODES_EACH, NODES_OF_NODE = 50, 38_250


@dataclass(frozen=True)
class Heap:
    """What lies in `paths`, counted in the last of them."""

    runtime: str
    objects: int
    references: int
    paths: tuple[Path, ...]


def synthetic(synth, objects, directory):
    """memdump's own generator: a dump, a later one with a leak, and the later once more, as a third."""
    paths = [directory / f"{name}.dump" for name in "abc"]
    order = ["--objects", objects, "--order", "birth", "--leaked", objects // 1000]
    said = run([synth, *order, "-o", paths[0], "--later", paths[1]])
    shutil.copyfile(paths[1], paths[2])
    count, references = re.findall(r"(\d+) objects, (\d+) references", said)[-1]
    return Heap("synthetic", int(count), int(references), tuple(paths))


def java(tools, objects, directory):
    """A dump by the JVM itself. The references are those of the program's own objects, their classes included."""
    run([tools / "javac", "-d", directory, HEAPS / "Orders.java"])
    path = directory / "orders.hprof"
    megabytes = 512 + objects // 8000
    said = run([tools / "java", f"-Xmx{megabytes}m", "-cp", directory, "Orders", objects, path])
    built = json.loads(said.splitlines()[-1])
    return Heap("JVM", built["objects"], built["references"], (path,))


def v8(node, objects, directory):
    """Three snapshots by V8 itself: before a leak, after it, and once more."""
    customers = max(1, (objects - NODES_OF_NODE) // NODES_EACH)
    run([node, "--max-old-space-size=16000", HEAPS / "orders.js", customers, objects // 1000, directory])
    paths = tuple(directory / f"{name}.heapsnapshot" for name in ("baseline", "target", "final"))
    with open(paths[-1]) as snapshot:
        head = snapshot.read(4096)
    nodes, edges = (int(re.search(rf'"{what}":(\d+)', head).group(1)) for what in ("node_count", "edge_count"))
    return Heap("V8", nodes, edges, paths)


def python(interpreter, command, objects, directory):
    """One Python process, dumped by memdump and then by midden's own dumper: first of them memdump's."""
    run([interpreter, HEAPS / "orders.py", objects, directory])
    dump, lines = directory / "heap.dump", directory / "heap.jsonl"
    info = json.loads(run([command, "info", "--json", dump], stderr=None))["infos"][0]
    with open(lines) as file:
        records = references = 0
        for line in file:
            records += 1
            references += len(json.loads(line)["references"])
    return Heap("CPython", info["objects"], info["references"], (dump,)), Heap("CPython", records, references, (lines,))


def run(command, stderr=subprocess.STDOUT):
    command = list(map(str, command))
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True, timeout=3600)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {result.returncode}: {result.stdout[-500:]}")
    return result.stdout
