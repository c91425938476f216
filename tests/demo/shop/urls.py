from django.urls import path

from app import views

urlpatterns = [
    path("browse", views.browse),
    path("checkout", views.checkout),
]
