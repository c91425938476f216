"""`memdump.testing.assert_no_growth`: a leak of one object per call fails, real code that leaks nothing passes, every time."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from live import DEADLINE, Command


def run(python: Path, memdump: Command, script: str, *arguments: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "MEMDUMP_COMMAND": str(memdump.path), **env}
    command = [python, "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, env=environment, check=False)


LEAKS = """
import json, sys
from memdump.testing import assert_no_growth

class SomeRef: pass
kept, other, names = [], {}, set()

def one_object(): kept.append(SomeRef())
def builtins_only(): kept.append([])
def a_cycle_with_a_holder():
    ref = SomeRef(); ref.me = ref; kept.append(ref)
def one_in_three():
    names.add(object()) if len(other) % 3 == 0 else None
    other[len(other)] = None
    other.pop(10**9, None)

def failure(call, **arguments):
    try:
        for _ in assert_no_growth(**arguments):
            call()
    except AssertionError as error:
        return str(error)

told = {call.__name__: failure(call) for call in (one_object, builtins_only, a_cycle_with_a_holder, one_in_three)}
told["of_the_type"] = failure(one_object, types=SomeRef)
told["in_a_directory"] = failure(one_object, directory=sys.argv[1] + "/kept")
passed = {
    "other types": failure(one_object, types="app.*"),
    "ignored": failure(one_object, ignore=[SomeRef, "list"]),
    "allowed": failure(one_object, allow=10, directory=sys.argv[1] + "/kept"),
}
assert failure(one_object, allow=9)
print(json.dumps([told, passed]))
"""


@pytest.mark.every_version
def test_a_leak_of_one_object_per_call_fails(python, memdump, tmp_path):
    done = run(python, memdump, LEAKS, tmp_path)
    assert done.returncode == 0, done.stderr
    told, passed = json.loads(done.stdout)
    assert passed == {"other types": None, "ignored": None, "allowed": None}
    for name, said in told.items():
        assert said, name
        # What is kept is named, by what, and the dumps are there.
        what, holder = {"builtins_only": ("list", "kept"), "one_in_three": ("object", "names")}.get(name, ("SomeRef", "kept"))
        assert what in said and "module __main__\n" in said and f".{holder}" in said, said
        (kept,) = (line for line in said.splitlines() if line.startswith("The dumps are kept: "))
        dumps = [Path(word) for word in kept.removeprefix("The dumps are kept: ").split()]
        assert len(dumps) == 3
        for dump in dumps:
            memdump.check(dump)
    assert "+10      +10  __main__.SomeRef" in told["one_object"]
    # Those that passed left nothing in the directory.
    assert sorted(path.name for path in tmp_path.glob("kept/*/*")) == ["1.dump", "2.dump", "3.dump"]


CALM = """
import collections, dataclasses, enum, functools, json, logging, os, re, string, sys, tempfile, threading, weakref
from memdump.testing import assert_no_growth

try:
    import django
    from django.conf import settings
    settings.configure(SECRET_KEY="x", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], DATABASES={},
                       TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}])
    django.setup()
    from django.http import HttpResponse
    from django.template import engines
    from django.test import RequestFactory
    from django.urls import path, resolve
    page = "{% for n in numbers %}{{ n|floatformat }} {% endfor %}"
    def view(request, number):
        template = engines["django"].from_string(page)
        return HttpResponse(template.render({"numbers": range(20), "q": request.GET.get("q")}))
    urlpatterns = [path("view/<int:number>", view)]
    # The client of its tests leaks: see docs/python-api.md.
    requests = RequestFactory()
except ImportError:
    requests = None

log = logging.getLogger("calm")
log.addHandler(logging.StreamHandler(open(os.devnull, "w")))
recent = collections.OrderedDict()
lately = collections.deque(maxlen=3)

@functools.lru_cache(maxsize=3)
def cached(number): return [number]

def work(number):
    assert re.sub(r"(\\w+)-%d" % (number % 3), r"\\1", "a-1 b-2")
    assert json.loads(json.dumps({"a": [number, 1.5, None, {"b": "c" * number}]}))
    log.warning("number %s", number, extra={"more": object()})
    try:
        raise ValueError(number)
    except ValueError as error:
        lately.append(str(error))
    cached(number)
    recent[number % 4] = object()
    string.Template("$a").substitute(a=number)
    kind = type(f"Kind{number}", (), {"x": weakref.WeakSet()})
    kind().x.add(kind)
    @dataclasses.dataclass
    class Point: x: int
    Point(number)
    enum.Enum("Colour", ["RED", f"GREEN{number % 3}"])
    thread = threading.Thread(target=lambda: None); thread.start(); thread.join()
    with tempfile.TemporaryFile() as file: file.write(b"x")
    if requests:
        request = requests.get(f"/view/{number % 3}", {"q": number % 3})
        found = resolve(request.path)
        assert found.func(request, *found.args, **found.kwargs).status_code == 200

for round in range(int(sys.argv[1])):
    for number in assert_no_growth():
        work(number)
for round in range(int(sys.argv[1])):
    with assert_no_growth():
        [object() for _ in range(100)]
assert not os.listdir(os.environ["TMPDIR"])
"""


@pytest.mark.every_version
def test_what_leaks_nothing_passes(python, memdump, tmp_path):
    done = run(python, memdump, CALM, "2", TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr


FORMS = """
import os, sys
from memdump.testing import assert_no_growth
kept = []

def raised(block):
    try:
        block()
    except BaseException as error:
        return error

# A block that is run once, and what it keeps.
def once(count):
    with assert_no_growth():
        kept.extend(object() for _ in range(count))
assert "+3  object" in str(raised(lambda: once(3))), raised(lambda: once(3))
assert "warms up" in str(raised(lambda: once(3)))
assert raised(lambda: once(0)) is None
# What the body raises goes through, and a loop that is left asserts nothing.
def broken(error):
    for _ in assert_no_growth():
        kept.append(object())
        raise error
error = KeyError("x")
assert raised(lambda: broken(error)) is error
def left():
    for number in assert_no_growth(warmup=0, repeat=1):
        kept.append(object())
        break
assert raised(left) is None
# How often the body is run.
calls = []
for number in assert_no_growth(warmup=2, repeat=3):
    calls = calls + [number]
assert calls == list(range(8)), calls
for wrong in ({"repeat": 0}, {"warmup": -1}, {"allow": -1}):
    assert isinstance(raised(lambda: assert_no_growth(**wrong)), ValueError), wrong
# Without the command nothing is run.
ran = []
def without():
    for _ in assert_no_growth(command="nowhere/memdump"):
        ran.append(1)
assert "nowhere/memdump" in str(raised(without)) and not ran
left_behind = [name for name in os.listdir(os.environ["TMPDIR"])]
assert len(left_behind) == 2, left_behind
"""


def test_both_forms(python, memdump, tmp_path):
    done = run(python, memdump, FORMS, TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr


SUITE = """
import logging
from memdump.testing import assert_no_growth

kept = []

class Order: pass

def test_that_logs(caplog):
    # pytest keeps each record until the test is over.
    for number in assert_no_growth():
        logging.getLogger("app").warning("order %s", number)
        assert caplog.records[-1].args == (number,)

def test_that_leaks():
    for _ in assert_no_growth():
        kept.append(Order())
"""


def test_under_pytest(memdump, zoo_python, tmp_path):
    (tmp_path / "test_suite.py").write_text(SUITE)
    environment = {**os.environ, "MEMDUMP_COMMAND": str(memdump.path)}
    command = [zoo_python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_suite.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 1 and "1 failed, 1 passed" in done.stdout, done.stdout
    assert "+10      +10  test_suite.Order" in done.stdout, done.stdout
    # The message is what is seen, and not this package's source.
    assert "def _judge" not in done.stdout, done.stdout
