"""A small Django application."""

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, JsonResponse
from django.template import Context, Engine
from django.urls import path

TEMPLATE = Engine().from_string("{% for line in lines %}<li>{{ line|upper }}</li>{% endfor %}")


def price(request) -> HttpResponse:
    item = int(request.GET["item"])
    lines = [f"item {item} size {size}" for size in range(200)]
    return JsonResponse({"item": item, "page": TEMPLATE.render(Context({"lines": lines}))})


urlpatterns = [path("price", price)]
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="for tests", DEBUG=False)
django.setup()
application = get_wsgi_application()
