"""Threads in long native calls that let the GIL go: BLAS, zlib, hashes."""

import hashlib
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy
import rounds

MATRIX = numpy.arange(250_000, dtype=float).reshape(500, 500) % 17
TEXT = b"".join(b"line %d\n" % number for number in range(100_000))


def multiply() -> float:
    return float((MATRIX @ MATRIX).sum())


def compress() -> bool:
    return zlib.decompress(zlib.compress(TEXT, 9)) == TEXT


def digest() -> str:
    return hashlib.sha256(TEXT * 20).hexdigest()


if __name__ == "__main__":
    rounds.install()
    with ThreadPoolExecutor(6) as threads:
        rounds.run(lambda: [f.result() for f in [threads.submit(call) for call in (multiply, compress, digest) * 4]])
