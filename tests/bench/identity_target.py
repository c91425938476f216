"""What tests/bench/identity.py runs: identity_target.py none|address|exact pairs|requests|misses."""

from __future__ import annotations

import collections
import gc
import itertools
import json
import sys
import time


def pairs():
    """A unit is one object that is made and freed, in a loop without bytecode."""

    def run(units):
        collections.deque(itertools.starmap(object, itertools.repeat((), units)), maxlen=0)

    return run, 100_000


def requests():
    """A unit is one request: routing, middleware, a query, a template of fifty rows, JSON."""
    import django
    from django.conf import settings
    from django.http import HttpResponse
    from django.template import engines
    from django.urls import path

    settings.configure(
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        SECRET_KEY="-",
        MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.gzip.GZipMiddleware"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        LOGGING_CONFIG=None,
    )
    django.setup()
    from django.db import connection
    from django.test import Client

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL)")
        cursor.executemany("INSERT INTO item (name, price) VALUES (%s, %s)", [(f"item {n}", n * 1.5) for n in range(50)])
    template = engines["django"].from_string(
        "{% for item in items %}<tr><td>{{ item.name|upper }}</td><td>{{ item.price|floatformat:2 }}</td></tr>{% endfor %}"
        "<p>{{ data }}</p>"
    )

    def view(request):
        with connection.cursor() as cursor:
            cursor.execute("SELECT id, name, price FROM item ORDER BY name")
            items = [{"id": id, "name": name, "price": price} for id, name, price in cursor.fetchall()]
        return HttpResponse(template.render({"items": items, "data": json.dumps(items)}))

    globals()["urlpatterns"] = [path("items/", view)]
    client = Client()

    def run(units):
        for _ in range(units):
            assert client.get("/items/").status_code == 200

    return run, 1


class Thing:
    """An instance with attributes."""

    def __init__(self, number):
        self.number = number


MAKERS = {
    "__main__.Thing": Thing,
    "list": lambda number: [number],
    "dict": lambda number: {"number": number},
    "tuple": lambda number: (number, number),
    "float": float,
    "str": str,
    "set": lambda number: {number},
}
COUNT = 10_000


def misses():
    """Between dumps objects go and as many come: all at once, or each in place of one. Prints where the new ones lie."""
    import memdump

    memdump.install(identity="exact")
    numbers = list(range(1000, 1000 + COUNT))
    kept = {name: [make(number) for number in numbers] for name, make in MAKERS.items()}
    memdump.dump("0.dump")
    found = []
    for step, replace in enumerate((at_once, one_by_one), 1):
        rows = {}
        for name, make in MAKERS.items():
            before = {id(one) for one in kept[name]}
            replace(kept[name], numbers, make)
            after = [id(one) for one in kept[name]]
            rows[name] = {"made": list(map(hex, after)), "reused": len(before.intersection(after))}
        memdump.dump(f"{step}.dump")
        found.append({"how": replace.__doc__, "rows": rows})
    print(json.dumps(found))


def at_once(kept, numbers, make):
    """all freed, then as many made"""
    kept.clear()
    gc.collect()
    kept.extend([make(number) for number in numbers])


def one_by_one(kept, numbers, make):
    """each replaced by another"""
    for place, number in enumerate(numbers):
        kept[place] = make(number)


def main():
    kind, work = sys.argv[1:]
    if work == "misses":
        misses()
    else:
        work_in_turns(kind, *{"pairs": pairs, "requests": requests}[work]())


def work_in_turns(kind, run, scale):
    if kind != "none":
        import memdump

        memdump.install(identity=kind)
    # A collection in one turn and not in another would be most of the difference.
    gc.disable()
    for line in sys.stdin:
        units = int(line)
        gc.collect()
        begun = time.process_time()
        run(units * scale)
        print(json.dumps({"cpu": time.process_time() - begun, "done": units * scale}), flush=True)


if __name__ == "__main__":
    main()
