"""Builds customers with orders, OBJECTS in all, and dumps the process twice: by memdump and by midden's own dumper.

Usage: orders.py OBJECTS DIRECTORY
"""

import gc
import sys

import memdump
from midden.dump.dump_heap import dump_heap

ORDERS_EACH = 9
# A customer, its name and its dict; an order, its name, its number and its list.
OBJECTS_EACH = 3 + 4 * ORDERS_EACH


class Customer:
    __slots__ = ("name", "orders")

    def __init__(self, number):
        self.name = f"customer {number}"
        self.orders = {}


class Order:
    def __init__(self, number, customer, previous):
        self.name = f"order {number}"
        self.lines = [number, self]
        self.customer = customer
        self.previous = previous


def build(objects):
    customers = []
    order = None
    for number in range(objects // OBJECTS_EACH):
        customer = Customer(number)
        for index in range(ORDERS_EACH):
            # Beyond the integers that Python shares.
            key = 1000 + number * 10 + index
            order = Order(key, customer, order)
            customer.orders[key] = order
        customers.append(customer)
    return customers


if __name__ == "__main__":
    gc.disable()
    kept = build(int(sys.argv[1]))
    memdump.dump(f"{sys.argv[2]}/heap.dump")
    dump_heap(f"{sys.argv[2]}/heap.jsonl")
