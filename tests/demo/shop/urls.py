from app import views
from django.urls import path

urlpatterns = [
    path("browse", views.browse),
    path("checkout", views.checkout),
]
