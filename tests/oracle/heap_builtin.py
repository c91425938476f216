"""A heap with every built-in container, and what they hold in every way that CPython has of holding things."""

import array
import asyncio
import collections
import contextvars
import datetime
import decimal
import enum
import functools
import io
import itertools
import queue
import re
import sys
import threading
import types
import weakref


class Plain:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Attributes:
    def __init__(self, *values):
        self.first, self.second = values
        self.self = self


class Slotted:
    __slots__ = ("left", "right", "__weakref__")

    def __init__(self, left, right):
        self.left, self.right = left, right


class MoreSlots(Slotted):
    __slots__ = ("third", "__dict__")


class Meta(type):
    def __new__(mcs, name, bases, scope):
        cls = super().__new__(mcs, name, bases, scope)
        cls.made_by = mcs
        return cls


class Made(metaclass=Meta):
    class Inner:
        value = [1, 2, 3]


class Cache(dict):
    pass


class Items(list):
    limit = 10


class Pair(tuple):
    __slots__ = ()


class Members(set):
    pass


class Ordered(collections.OrderedDict):
    pass


class Number(int):
    pass


class Text(str):
    pass


class Failure(Exception):
    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


class Colour(enum.Enum):
    RED = "red"
    GREEN = object()


class Named(collections.namedtuple("Named", "left right")):
    pass


if sys.version_info >= (3, 15):

    class Marked(tuple):
        __slots__ = ("mark",)


class Descriptor:
    def __get__(self, instance, owner):
        return self

    def __set_name__(self, owner, name):
        self.owner = owner


class Uses:
    field = Descriptor()

    @property
    def computed(self):
        return self

    @staticmethod
    def static(value=object()):
        return value

    @classmethod
    def made(cls, *, option={"default": []}):
        return cls

    @functools.lru_cache(maxsize=8)
    def cached(self, argument):
        return [argument]


def closing(value):
    counter = [0]

    def inner(step=value):
        nonlocal counter
        counter[0] += step
        return lambda: (counter, value)

    return inner


def generating(items):
    local = {"items": items}
    for item in items:
        yield item, local


@types.coroutine
def pause():
    yield


async def waiting(value):
    held = [value]
    await pause()
    return held


async def streaming(value):
    held = [value]
    yield held
    yield value


def failing(depth, payload):
    local = Plain(payload=payload)
    if depth:
        failing(depth - 1, local)
    raise Failure(local)


def build():
    shared = object()
    deep = []
    for _ in range(2000):
        deep = [deep]
    generator = generating([Plain(x=1), Plain(x=2)])
    next(generator)
    fresh, finished = generating([1]), generating([])
    list(finished)
    coroutine = waiting(shared)
    coroutine.send(None)
    stream = streaming(shared)
    try:
        stream.__anext__().send(None)
    except StopIteration:
        pass
    try:
        failing(3, {"payload": shared})
    except Failure as failure:
        kept = failure
    loop = asyncio.new_event_loop()
    context = contextvars.copy_context()
    variable = contextvars.ContextVar("variable", default=shared)
    context.run(variable.set, [shared])
    weak_keys = weakref.WeakKeyDictionary()
    owners = [Plain(i=i) for i in range(10)]
    for owner in owners:
        weak_keys[owner] = [owner.i]
    late = Attributes(1, [2])
    late.extra = "third"
    late.__dict__["direct"] = {}
    many = Plain(**{f"attribute_{i}": i for i in range(200)})
    uses = Uses()
    uses.cached("x")
    uses.cached("y")
    odd = MoreSlots("left", ["right"])
    odd.third = odd
    odd.dynamic = shared
    local = threading.local()
    local.value = [shared]
    counter = itertools.count(10)
    table = {
        "text": "ü" * 20, "wide": "€" * 20, "astral": "😀" * 20, "bytes": b"x" * 100, "buffer": bytearray(b"y" * 50),
        1: [1.5, 2j, None, True, ...], -5: "negative", 2**70: "big", 2.5: "float", None: "none", True: "shadow",
        (1, "two", (3, 4)): {"nested": ()}, b"key": frozenset({1, 2, "three"}), Plain: "class", int: "builtin",
        "quote'd": 1, "line\nbreak": 2, "x" * 500: "long",
    }
    dicts = [dict.fromkeys(range(n)) for n in (0, 1, 5, 6, 10, 11, 100, 1000)]
    holes = {i: str(i) for i in range(100)}
    for i in range(0, 100, 3):
        del holes[i]
    sets = [set(range(n)) for n in (0, 1, 4, 5, 8, 100)] + [{"a", "b"}, frozenset(), Members("xyz")]
    thinned = set(range(64))
    thinned -= set(range(0, 64, 2))
    queues = [collections.deque(range(n)) for n in (0, 1, 64, 65, 200)]
    turned = collections.deque(range(100))
    turned.rotate(37)
    ordered = [collections.OrderedDict.fromkeys("abc", shared), Ordered(a=[1]), collections.OrderedDict()]
    ordered[1].attribute = shared
    marked = []
    if sys.version_info >= (3, 15):
        marked = [Marked("abc"[:n]) for n in range(4)]
        for one in marked:
            one.mark = [one]
    appended = []
    for i in range(77):
        appended.append(i)
    return [
        shared, deep, generator, fresh, finished, coroutine, stream, kept, loop, context, variable, weak_keys, owners, late, many,
        uses, odd, local, counter, table, dicts, holes, sets, thinned, queues, turned, ordered, appended, marked,
        [Attributes(i, [i]) for i in range(50)], [Slotted(i, (i,)) for i in range(50)],
        Cache(a=[1], b=Cache()), Items([1, [2]]), Pair((1, [2])), Number(7), Number(2**80), Text("text"), Text("wide €"),
        Named(1, [2]), Colour.GREEN, Made(), Made.Inner(), closing(3)(), closing(2),
        collections.defaultdict(list, a=[1]), collections.Counter("hello"), collections.ChainMap({"a": 1}, {}),
        array.array("d", range(100)), array.array("b"), memoryview(bytearray(100)), memoryview(b"abc")[1:],
        weakref.ref(owners[0]), weakref.ref(owners[1], print), weakref.proxy(owners[2]), weakref.WeakSet(owners),
        weakref.finalize(owners[3], print, shared), weakref.WeakMethod(uses.cached.__wrapped__.__get__(uses)),
        functools.partial(print, shared, sep=[1]), uses.made, uses.static, uses.cached, shared.__str__, [].append, len, Plain.__init__,
        iter([1, 2]), iter({"a": 1}.items()), reversed([1]), enumerate([shared]), zip([1], [shared]), map(str, [1]),
        itertools.chain([1], [shared]), itertools.tee(iter([1, 2, 3])), {"a": 1}.keys(), {"a": 1}.items(),
        types.MappingProxyType({"k": shared}), types.SimpleNamespace(a=shared), slice(1, [2], None), range(10), range(2**70),
        property(len, print), staticmethod(print), classmethod(print), super(Items, Items()),
        io.BytesIO(b"z" * 1000), io.StringIO("text"), re.compile(r"(a)(?P<n>b)"), re.match("a", "a"),
        datetime.datetime.now(datetime.timezone.utc), decimal.Decimal("1.5"), queue.Queue(), threading.Lock(), threading.RLock(),
        threading.Event(), compile("x = [1]", "<made>", "exec"), types.ModuleType("made"), type("Dynamic", (Plain,), {"a": shared}),
        list[int], sys.version_info >= (3, 10) and int | str, Exception("plain"), KeyError("k"), StopIteration(shared), OSError(2, "no", "file"),
        (((((1,),),),),), ((), ("a", ("b", 1.5))), [None] * 10, [[]] * 3, lambda: shared,
    ]
