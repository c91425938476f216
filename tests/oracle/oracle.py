"""Compares a dump of this very process with what the interpreter says of itself: `gc.get_objects`, `gc.get_referents`,
`sys.getsizeof`. Prints what differs; run by tests/python/test_oracle.py inside each supported Python.

Usage: oracle.py HEAP ROWS DUMP (HEAP: a module beside this one that builds a heap; ROWS: the program that prints a dump).

Exceptions, by name:
- EXTRA: references that the collector is not told of because they cannot be part of a cycle, and yet keep their targets alive;
- SIZE_BEYOND: instances whose values lie inline and subclasses of int and (up to 3.10) of str, of which `sys.getsizeof` leaves a
  part out; static types, for which it counts a collector's header that they do not have (3.11, 3.12);
- texts that were interned when the dump was written, and no longer are;
- the frames, lists and reports of this module, which change between the dump and the comparison.
"""

import ast
import collections
import contextlib
import gc
import importlib
import re
import subprocess
import sys
import types

import memdump

# Labels of references that `gc.get_referents` does not tell, by the reason.
EXTRA = (
    ("<key ", "text keys of dicts, and of the keys that a class caches for its instances"),
    ("<key>", "number keys of dicts, told as referents only by dicts with other than text keys"),
    ("<closure ", "derived: a function's closure by the names of its variables"),
    ("<weak", "weak references"),
    (".__name__", "names of classes"),
    (".__qualname__", "names of classes"),
    (".__slots__", "a class's tuple of names"),
    ("<subclasses>", "a class's weak references to its subclasses"),
    ("<name>", "a module's name"),
    ("<module>", "a class's module, on versions that do not visit it"),
    ("<buffer>", "a BytesIO's bytes"),
    ("<frame>", "a running frame's object"),
    ("<function>", "a running frame's function"),
    ("<local ", "variables of a generator that is running"),
    (".f_code", "code of a generator"),
    (".f_locals", "of a generator that is running"),
)
if sys.version_info >= (3, 13):
    EXTRA += ((".__dict__", "the dict of an instance whose values lie inline: held, and not visited"),)
# Members that hold texts or numbers are not visited by these types.
EXTRA_MEMBERS = {
    "function",
    "builtin_function_or_method",
    "property",
    "slice",
    "range",
    "code",
    "wrapper_descriptor",
    "method_descriptor",
    "getset_descriptor",
    "member_descriptor",
    "classmethod_descriptor",
    "ModuleSpec",
    "Connection",
}

# What numpy's arrays hold is told by no traverse function of theirs.
EXTRA_OF_ARRAYS = (".base", ".dtype")


class Rows:
    """A dump, by address."""

    def __init__(self, program, path):
        self.objects = {}
        self.references = collections.defaultdict(list)
        self.faults = []
        self.values = {}
        text = subprocess.run([program, path], check=True, stdout=subprocess.PIPE).stdout.decode()
        for line in text.split("\n"):
            kind, *fields = line.split("\t")
            if kind == "O":
                self.objects[int(fields[0])] = (fields[1], int(fields[2]), int(fields[3]), int(fields[4]))
            elif kind == "R":
                self.references[int(fields[0])].append((int(fields[1]), fields[2] == "1", fields[3]))
            elif kind == "V":
                self.values[int(fields[0])] = fields[1]
            elif kind == "F":
                self.faults.append(fields[1])


def is_exception(label, weak, owner):
    if weak or any(label.startswith(start) for start, _ in EXTRA):
        return True
    # A static type is not collected, so nothing is told of it.
    if not gc.is_tracked(owner) and not gc.get_referents(owner):
        return True
    if label in EXTRA_OF_ARRAYS and any(base.__name__ == "ndarray" for base in type(owner).__mro__):
        return True
    return type(owner).__name__ in EXTRA_MEMBERS and label.startswith(".")


def is_gone_from_interned(label, owner):
    """Whether it is a text that the table of interned ones (from 3.14 on a dict) had when the dump was written. The cache of
    attributes that were looked up last may have been the only one to hold it, and has since come to hold another."""
    is_table = type(owner) is dict and len(owner) > 1000 and all(key is value for key, value in owner.items())
    return is_table and label[1:-1] not in map(repr, list(owner))


def compare(program, path):
    """The differences, as lines."""
    gc.collect()
    gc.disable()
    memdump.dump(path, values="shortened")
    tracked = gc.get_objects()
    mine = {id(tracked), id(sys._getframe()), id(sys._getframe().f_back)}
    ours = {id(value) for value in (memdump.dump, memdump.status)}
    rows = Rows(program, path)
    problems = [f"fault: {fault}" for fault in rows.faults]

    # The same tracked objects.
    known = set(map(id, tracked))
    for o in tracked:
        if id(o) not in mine | ours and not rows.objects.get(id(o), (0, 0, 0, 0))[3] & 1:
            problems.append(f"not tracked in the dump: {type(o).__name__} {id(o):#x}")
    problems += tracked_only_in(rows, known, path)

    # All that is reachable, with the same references and sizes.
    reached = {id(o): o for o in tracked}
    for address in mine:
        reached.pop(address, None)
    pending = list(map(reached.get, reached.keys() & rows.objects.keys()))
    while pending:
        o = pending.pop()
        referents = gc.get_referents(o)
        truth = collections.Counter(id(r) for r in referents)
        told = collections.Counter(t for t, _, _ in rows.references.get(id(o), ()))
        for target, count in (truth - told).items():
            problems.append(f"missing {count} × {type(o).__name__} -> {name_of(target, referents)} of {id(o):#x}")
        surplus = told - truth
        for unexpected, target, label in unexpected_last(rows, o):
            if surplus[target] > 0:
                surplus[target] -= 1
                if unexpected and not is_gone_from_interned(label, o):
                    problems.append(f"extra {type(o).__name__} {label!r} -> {rows.objects.get(target, ['?'])[0]}")
        for r in referents:
            if id(r) not in reached and id(r) not in mine:
                reached[id(r)] = r
                # What was made since the dump is told below, and not followed: that would lead to this very list.
                if id(r) in rows.objects:
                    pending.append(r)
    for address, o in reached.items():
        if address not in rows.objects:
            problems.append(f"reachable, and not in the dump: {type(o).__name__} {address:#x}")
            continue
        name, size, _refcount, _ = rows.objects[address]
        expected = f"{type(o).__module__}.{type(o).__qualname__}"
        if name != expected and isinstance(type(o).__dict__.get("__module__", ""), str):
            problems.append(f"type {name} where Python says {expected}")
        if defines_size(type(o)) and size != sys.getsizeof(o) and not size_beyond(o, size):
            problems.append(f"size {size} where Python says {sys.getsizeof(o)}: {type(o).__name__}")
    problems += wrong_values(rows, reached)
    return problems, len(tracked), len(reached)


# Helpers have no variables in common with `compare`: a cell that is filled after the dump would be a difference.
def unexpected_last(rows, o):
    edges = rows.references.get(id(o), ())
    return sorted((not is_exception(label, weak, o), target, label) for target, weak, label in edges)


def tracked_only_in(rows, known, path):
    gone = [a for a, (_, _, _, flags) in rows.objects.items() if flags & 1 and a not in known]
    gone = [a for a in gone if not is_argument(rows, a, path)]
    # `gc.get_objects` leaves out what `gc.freeze` (in 3.12 the interpreter itself) took out of the collector's care.
    if len(gone) == gc.get_freeze_count():
        return []
    return [f"tracked only in the dump: {rows.objects[a][0]} {a:#x}" for a in gone]


def is_argument(rows, address, path):
    """Whether it is an argument of the call that wrote the dump: the tuple, or (tracked from 3.14 on) the dict of its settings."""
    labels = [label for _, _, label in rows.references[address]]
    return {
        "builtins.tuple": rows.references[address][:1] == [(id(path), False, "[0]")],
        "builtins.dict": "['second_signal']" in labels,
    }.get(rows.objects[address][0], False)


def wrong_values(rows, reached):
    """After all sizes are compared: up to 3.10 code gets a cache when it has run often."""
    told = [(rows.values.get(address), o) for address, o in reached.items() if address in rows.objects]
    return [f"value {value} of a {type(o).__name__}: {o!r:.80}" for value, o in told if not is_value_of(value, o)]


CUT = re.compile(r"…' ~[0-9a-f]{16}$")


def is_value_of(value, o):
    """Whether a dump tells rightly what an object holds, which is nothing of most."""
    if isinstance(o, bool) or not isinstance(o, (str, bytes, int, float)):
        return value is None
    if value is None:
        return False
    if isinstance(o, float):
        return float(value) == o or o != o
    if isinstance(o, int) and o.bit_length() > 128:
        return value.startswith(f"<int of {o.bit_length()} bits> ~")
    cut = CUT.search(value) if isinstance(o, (str, bytes)) and len(o) > 10 else None
    if cut:
        beginning = literal(value[: cut.start()])
        return o.startswith(beginning) and len(beginning) < len(o)
    return ast.literal_eval(value) == o


def literal(text):
    """What was cut off, perhaps within a character's escape."""
    for end in range(len(text), len(text) - 6, -1):
        with contextlib.suppress(SyntaxError):
            return ast.literal_eval(text[:end] + "'")
    raise ValueError(text)


def name_of(address, objects):
    return next(type(o).__name__ for o in objects if id(o) == address)


def defines_size(cls):
    """Whether `__sizeof__` is `object`'s, or of a type whose structure the walker knows."""
    owner = next(base for base in cls.__mro__ if "__sizeof__" in base.__dict__)
    return owner in KNOWN_SIZES or owner.__name__ == "ndarray"


KNOWN_SIZES = {
    object,
    type,
    int,
    str,
    bytes,
    bytearray,
    list,
    dict,
    set,
    frozenset,
    collections.deque,
    collections.OrderedDict,
    types.CodeType,
    types.GeneratorType,
    types.CoroutineType,
    types.AsyncGeneratorType,
    types.FrameType,
    __import__("array").array,
}


def size_beyond(o, size):
    says = sys.getsizeof(o)
    if isinstance(o, type) and not o.__flags__ & (1 << 9):
        return size == says - 16
    if sys.version_info >= (3, 13) and type(o) is dict:
        # The dict of an instance, whose values lie in the instance.
        return size < says
    if isinstance(o, str) and type(o) is not str and sys.version_info < (3, 11):
        # Counted with the size of `str`, not with that of the subclass.
        return size - says == type(o).__basicsize__ - str.__basicsize__
    is_subclass_of_int = isinstance(o, int) and type(o).__flags__ & (1 << 9)
    return bool(type(o).__flags__ & (1 << 4) or is_subclass_of_int) and size > says


def main():
    heap, program, path = sys.argv[1:]
    keep = importlib.import_module(heap).build()
    # Once for nothing, so that all modules are imported and all caches filled.
    compare(program, path + ".warm")
    problems, tracked, reached = compare(program, path)
    summary = collections.Counter(problem.split(" of 0x")[0].split(" 0x")[0] for problem in problems)
    for problem, count in summary.most_common(40):
        print(f"{count:6} {problem}")
    print(f"compared {tracked} tracked and {reached} reachable objects: {len(problems)} differences")
    del keep
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
