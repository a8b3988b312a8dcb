"""Retention at a glance: when it works, what waits for somebody, what went last, and whether the window is long enough."""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.console.access import MemberRequest, member_page
from accounts.roles import READ_RULES
from exports.services.schedule import slots
from retention.console.presentation import MOVING, purge_entries, purges_of, rules_of, watched
from retention.models import Day, Purge, RetentionSettings, Rule
from retention.services import glance, windows

SHOWN = 10


@member_page()
def overview(request: MemberRequest) -> HttpResponse:
    access, now = request.access, timezone.now()
    settings = glance.settings(access)
    found = purges_of(access)
    moving = list(found.filter(status__in=MOVING)[:SHOWN])
    context = {
        **_when(settings, now),
        **_rules(request),
        "awaiting": purge_entries(found.filter(status=Purge.Status.AWAITING_APPROVAL)[:SHOWN]),
        "moving": purge_entries(moving),
        "watched": watched(moving),
        "failed": found.filter(status=Purge.Status.FAILED, finished_at__gt=now - timedelta(days=7))[:SHOWN],
        "finished": purge_entries(found.filter(status=Purge.Status.COMPLETED).order_by("-finished_at")[:SHOWN]),
        "holds": glance.standing_holds(access, now).count(),
        "holds_waiting": glance.standing_holds(access, now).filter(in_force_at=None).count(),
        "day": glance.days(access).exclude(status=Day.Status.RUNNING).first(),
        "has_datasets": glance.datasets(access).exists(),
    }
    return render(request, "console/retention/overview.html", context)


def _rules(request: MemberRequest) -> dict[str, Any]:
    """How many rules there are in each mode, for who may read them."""
    if not request.access.may(READ_RULES):
        return {"rules": 0, "enforcing": 0, "simulating": 0, "may_read_rules": False}
    modes = list(rules_of(request.access).values_list("mode", flat=True))
    return {
        "rules": len(modes),
        "enforcing": modes.count(Rule.Mode.ENFORCE),
        "simulating": modes.count(Rule.Mode.SIMULATE),
        "may_read_rules": True,
    }


def _when(settings: RetentionSettings, now: datetime) -> dict[str, Any]:
    is_open = windows.is_open(settings, now)
    return {
        "settings": settings,
        "next_day": next_day(settings, now),
        "is_open": is_open,
        "opens": None if is_open else windows.next_open(settings, now),
        "closes": windows.closes_at(settings, now) if is_open else None,
    }


def next_day(settings: RetentionSettings, now: datetime) -> datetime:
    """When the rules run next, by the organization's clock."""
    return next(slots(f"{settings.daily_at.minute} {settings.daily_at.hour} * * *", settings.timezone, now))
