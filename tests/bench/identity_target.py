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
    "Thing": Thing,
    "list": lambda number: [number],
    "dict": lambda number: {"number": number},
    "tuple": lambda number: (number, number),
    "float": float,
    "str": str,
    "set": lambda number: {number},
}
COUNT = 10_000


def misses():
    """Frees objects and makes as many of each type; prints where those lie."""
    import memdump

    numbers = list(range(1000, 1000 + COUNT))
    kept = {name: [make(number) for number in numbers] for name, make in MAKERS.items()}
    memdump.dump("unmarked.dump")
    memdump.install(identity="exact")
    memdump.dump("before.dump")
    made = {}
    for name, make in MAKERS.items():
        kept[name].clear()
        gc.collect()
        made[name] = [make(number) for number in numbers]
    memdump.dump("after.dump")
    full = {"Thing": "__main__.Thing"}
    print(json.dumps({full.get(name, name): [hex(id(one)) for one in made[name]] for name in made}))


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
        print(json.dumps({"cpu": (time.process_time() - begun) / scale}), flush=True)


if __name__ == "__main__":
    main()
