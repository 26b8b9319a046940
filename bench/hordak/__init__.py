"""A minimal Django project around django-hordak; runs in an environment of its own."""
