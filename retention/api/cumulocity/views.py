"""/retention/retentions and /retention/retentions/{id}. A rule that is made here enforces, as the document has it."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.parsers import BoundedJSONParser
from accounts.api.permissions import access_of
from retention.api.cumulocity import serializers as shapes
from retention.api.cumulocity.dialect import FaceView, body_of, id_of, query_of
from retention.api.cumulocity.media import COLLECTION, RULE, CollectionRenderer, RuleParser, RuleRenderer
from retention.api.cumulocity.schema import LOCATION, RULE_ID, operation
from retention.models import Rule
from retention.services import rules

_AFTER = dict.fromkeys(("get", "update", "delete"), "rule_id")
_UNCHANGED = ("id", "self", "editable")
"""What a body may say, and only as it is."""


def _shown(request: Request, rule: Rule) -> Any:
    return shapes.RuleInfo(rule, context={"request": request}).data


class Retentions(FaceView):
    parser_classes = [RuleParser, BoundedJSONParser]

    def get_renderers(self) -> list[Any]:
        own = CollectionRenderer if self.request is None or self.request.method != "POST" else RuleRenderer
        return [own(), JSONRenderer()]

    @operation("list", 200, shapes.RuleCollection, COLLECTION, query=shapes.CollectionQuery)
    def get(self, request: Request) -> Response:
        """Get the retention rules, the oldest first."""
        query = query_of(request, shapes.CollectionQuery)
        page, size = query.get("currentPage", 1), min(query.get("pageSize", shapes.DEFAULT_SIZE), shapes.HIGHEST_SIZE)
        found = rules.listing(access_of(request))
        total = found.count()
        pages = -(-total // size)
        return Response(
            {
                "self": _page(request, query, page, size),
                **({"prev": _page(request, query, page - 1, size)} if 1 < page <= pages + 1 else {}),
                **({"next": _page(request, query, page + 1, size)} if page < pages else {}),
                "statistics": {"currentPage": page, "pageSize": size, **dict(_totals(query, total, pages))},
                "retentionRules": [_shown(request, rule) for rule in found[(page - 1) * size : page * size]],
            }
        )

    @operation(
        "create", 201, shapes.RuleInfo, RULE, body=shapes.RuleCreate, parameters=(LOCATION,), leads_to=_AFTER
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Make a retention rule. It is in force from the next daily run on."""
        sent = body_of(request, shapes.RuleCreate)
        terms = {name: value for name, value in sent.items() if name not in _UNCHANGED}
        rule = rules.create(access_of(request), mode=Rule.Mode.ENFORCE, **terms)
        return Response(_shown(request, rule), status=201, headers={"Location": shapes.address_of(request, rule)})


class Retention(FaceView):
    parser_classes = [RuleParser, BoundedJSONParser]
    renderer_classes = [RuleRenderer, JSONRenderer]

    @operation("get", 200, shapes.RuleInfo, RULE, parameters=(RULE_ID,), failures=(404,))
    def get(self, request: Request, rule_id: str) -> Response:
        """Get a retention rule."""
        query_of(request)
        return Response(_shown(request, rules.find(access_of(request), id_of(rule_id))))

    @operation("update", 200, shapes.RuleInfo, RULE, body=shapes.RuleChange, parameters=(RULE_ID,), failures=(404,))
    def put(self, request: Request, rule_id: str) -> Response:
        """Change a retention rule: what is given."""
        pk = id_of(rule_id)
        sent = body_of(request, shapes.RuleChange, rule_id=pk)
        changes = {name: value for name, value in sent.items() if name not in _UNCHANGED}
        return Response(_shown(request, rules.change(access_of(request), pk, changes, by_api=True)))

    @operation("delete", 204, None, parameters=(RULE_ID,), failures=(404,))
    def delete(self, request: Request, rule_id: str) -> Response:
        """Delete a retention rule. What was purged under it stays recorded."""
        query_of(request)
        rules.delete(access_of(request), id_of(rule_id), by_api=True)
        return Response(status=204)


def _totals(query: dict[str, Any], total: int, pages: int) -> Iterator[tuple[str, int]]:
    """The document shows `totalPages` without that it was asked for, and rules are few; later clients ask not to have it, or for elements too."""
    if query.get("withTotalPages", True):
        yield "totalPages", pages
    if query.get("withTotalElements", False):
        yield "totalElements", total


def _page(request: Request, query: dict[str, Any], page: int, size: int) -> str:
    """The address of a page, of the same shape as this one."""
    asked = {
        "pageSize": size,
        "currentPage": page,
        **{name: str(value).lower() for name, value in query.items() if name.startswith("with")},
    }
    return request.build_absolute_uri(f"{reverse('retention-rules')}?{urlencode(asked)}")
