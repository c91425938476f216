"""pandas: groups, joins and sorting."""

import numpy
import pandas
import rounds


def work() -> str:
    random = numpy.random.default_rng(7)
    orders = pandas.DataFrame({"customer": random.integers(0, 500, 20_000), "amount": random.random(20_000).round(3)})
    customers = pandas.DataFrame({"customer": range(500), "city": [f"city {n % 20}" for n in range(500)]})
    joined = orders.merge(customers, on="customer")
    by_city = joined.groupby("city")["amount"].agg(["sum", "count", "max"]).sort_values("sum")
    return by_city.round(3).to_csv()


if __name__ == "__main__":
    rounds.install()
    rounds.run(work)
