"""The roles, also after a test that ended by flushing the database: that takes the migration's rows along."""

from django.apps import apps
from django.contrib.auth.models import Group

from accounts.services.people import make_roles


def have_roles() -> None:
    if not Group.objects.exists():
        make_roles(apps)
