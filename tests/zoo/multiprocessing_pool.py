"""A pool of forked workers, in which each dumps under its own pid."""

import multiprocessing

import rounds


def primes(limit: int) -> int:
    return sum(all(number % divisor for divisor in range(2, int(number**0.5) + 1)) for number in range(2, limit))


if __name__ == "__main__":
    rounds.install()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        rounds.run(lambda: pool.map(primes, [1_000 + 10 * n for n in range(100)]))
        pool.close()
        pool.join()
