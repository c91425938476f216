"""The shop's requests. One of them leaks."""

from __future__ import annotations

import itertools
import threading

from django.http import HttpRequest, JsonResponse

from app.models import Cart, SomeRef

ARTICLES = 200

# Healthy: thousands of SomeRef come and go; those of the last customers stay for a while.
CUSTOMERS = 50
recent: dict[int, Cart] = {}
recent_lock = threading.Lock()

# The leak: somebody meant to look at these later.
LEAK_EVERY = 10
global_data: dict[str, list[SomeRef]] = {"a": [], "b": []}

checkouts = itertools.count(1)


def browse(request: HttpRequest) -> JsonResponse:
    """Makes hundreds of SomeRef and keeps some of them as long as the customer is a recent one."""
    customer = int(request.GET["customer"])
    every = [SomeRef(article) for article in range(ARTICLES)]
    with recent_lock:
        if customer not in recent:
            recent[customer] = Cart(every[:40])
            if len(recent) > CUSTOMERS:
                recent.pop(next(iter(recent)))
        total = recent[customer].total()
    return JsonResponse({"offers": len(every), "total": total})


def checkout(request: HttpRequest) -> JsonResponse:
    """Every tenth checkout is not forgotten."""
    number = next(checkouts)
    ref = SomeRef(number % ARTICLES)
    if number % LEAK_EVERY == 0:
        global_data["a"].append(ref)
    return JsonResponse({"number": number, "article": ref.article})
