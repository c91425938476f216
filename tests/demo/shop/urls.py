from app import variants, views
from django.urls import path

urlpatterns = [
    path("browse", views.browse),
    path("checkout", views.checkout),
    path("variants", variants.run),
]
