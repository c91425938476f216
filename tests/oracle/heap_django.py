"""A real Django application, with its ORM, templates and a request answered."""

import django
from django.conf import settings


def build():
    settings.configure(
        DEBUG=True, SECRET_KEY="x", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "django.contrib.admin",
                        "django.contrib.messages"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    )
    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.template import Context, Template
    from django.test import Client

    call_command("migrate", verbosity=0)
    users = [User.objects.create(username=f"user{i}") for i in range(50)]
    template = Template("{% for u in users %}{{ u.username|upper }}{% endfor %}")
    template.render(Context({"users": users}))
    response = Client().get("/")
    return [users, template, response, User.objects.filter(username__startswith="u"), list(User.objects.all())]


def index(request):
    from django.http import HttpResponse

    return HttpResponse("hello")


def _patterns():
    from django.urls import path

    return [path("", index)]




urlpatterns = _patterns()
