"""numpy arrays of every way to own memory."""

import heap_builtin
import numpy


def build():
    base = numpy.arange(1000.0)
    objects = numpy.array([object(), [1], "text", None], dtype=object)
    return [
        heap_builtin.build(), base, base[::2], base.reshape(10, 100).T, objects, objects[1:], numpy.zeros((3, 0)), numpy.float64(1.5),
        numpy.array(5), numpy.asfortranarray(numpy.ones((20, 30))), numpy.array(["a", "bc"]), numpy.dtype([("a", "i4"), ("b", "O")]),
        numpy.zeros(3, dtype=[("a", "i4"), ("b", "O")]), numpy.ma.masked_array([1, 2], [True, False]), numpy.random.default_rng(1),
        numpy.matrix([[1, 2], [3, 4]]), numpy.frombuffer(b"x" * 80), memoryview(base), {"k": [base]},
    ]
