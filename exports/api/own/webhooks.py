"""/api/v1/webhooks: whom the organization tells what happened, and what became of it. docs/notifications.md"""

# ruff: noqa: N815 the fields are named as JSON has them

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.dialect import StrictSerializer, Text, describe, read_query
from accounts.api.permissions import access_of
from exports.api.own.dialect import DEFAULT_SIZE, NoBody, NoQuery, OwnView, PageQuery, read_body
from exports.api.udm.dialect import read_id
from exports.models import Delivery, Webhook
from exports.services import webhooks
from exports.tasks import wake_delivery

operation = describe("Webhooks").operation


class WebhookInfo(serializers.ModelSerializer[Webhook]):
    events = serializers.ListField(child=serializers.ChoiceField(choices=[event.value for event in webhooks.EVENTS]))
    active = serializers.BooleanField(source="is_active")
    createdDate = serializers.DateTimeField(source="created_at")
    previousSecretUntil = serializers.DateTimeField(
        source="previous_until", allow_null=True, help_text="Until then the secret before the last rotation signs too."
    )

    class Meta:
        model = Webhook
        fields = ["id", "name", "url", "events", "active", "createdDate", "previousSecretUntil"]
        read_only_fields = fields


class WebhookMade(WebhookInfo):
    """What is said once."""

    secret = serializers.CharField(help_text="Verifies signatures. It is not shown again.")

    class Meta:
        model = Webhook
        fields = [*WebhookInfo.Meta.fields, "secret"]
        read_only_fields = fields


class WebhookRequest(StrictSerializer):
    name = Text(max_length=200)
    url = Text(help_text="https://, to a public address; the server's settings may allow other networks.")
    events = serializers.ListField(child=serializers.ChoiceField(choices=[event.value for event in webhooks.EVENTS]))


class WebhookChange(WebhookRequest):
    """What is given is changed."""

    active = serializers.BooleanField(source="is_active", help_text="false: nothing is sent, and what waits is given up.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        for field in fields.values():
            field.required = False
        return fields


class DeliveryInfo(serializers.ModelSerializer[Delivery]):
    event = serializers.CharField(source="notice.event")
    messageId = serializers.SerializerMethodField(help_text="The header webhook-id: the same at each attempt, and when sent again.")
    subject = serializers.CharField(source="notice.subject_name")
    attempts = serializers.IntegerField(source="token")
    resent = serializers.IntegerField(help_text="0 is the first; each time that somebody sends it again has the next number.")
    responseCode = serializers.IntegerField(source="response_code", allow_null=True)
    response = serializers.CharField(source="response_text", help_text="How the last answer began.")
    createdDate = serializers.DateTimeField(source="created_at")
    attemptedDate = serializers.DateTimeField(source="attempted_at", allow_null=True)
    nextAttemptDate = serializers.DateTimeField(source="not_before", allow_null=True)

    class Meta:
        model = Delivery
        fields = [
            *("id", "event", "messageId", "subject", "status", "attempts", "resent", "responseCode", "response", "error"),
            *("createdDate", "attemptedDate", "nextAttemptDate"),
        ]
        read_only_fields = fields

    def get_messageId(self, delivery: Delivery) -> str:  # noqa: N802 DRF finds the method by the field's name
        return delivery.notice.message_id


class DeliveryPage(serializers.Serializer[Any]):
    items = DeliveryInfo(many=True)
    next = serializers.IntegerField(allow_null=True, help_text="`olderThan` of the next page; null on the last one.")


def _id(text: str) -> int:
    return read_id(text, "webhook")


def _made(webhook: Webhook, secret: str) -> dict[str, Any]:
    return {**WebhookInfo(webhook).data, "secret": secret}


_AFTER = dict.fromkeys(
    ("get_webhook", "update_webhook", "rotate_webhook_secret", "list_webhook_deliveries", "delete_webhook"), "webhook_id"
)


class Webhooks(OwnView):
    @operation("list_webhooks", {200: WebhookInfo(many=True)}, failures=(400,))
    def get(self, request: Request) -> Response:
        """Get the organization's webhooks."""
        read_query(request, NoQuery)
        return Response(WebhookInfo(webhooks.listing(access_of(request)), many=True).data)

    @operation("create_webhook", {201: WebhookMade}, body=WebhookRequest, leads_to=_AFTER, failures=(400, 409))
    def post(self, request: Request) -> Response:
        """Add a webhook. The answer holds its secret, which is not shown again."""
        made = webhooks.create(access_of(request), **read_body(request, WebhookRequest))
        return Response(_made(*made), status=201)


class WebhookDetail(OwnView):
    @operation("get_webhook", {200: WebhookInfo}, failures=(400, 404))
    def get(self, request: Request, webhook_id: str) -> Response:
        """Get a webhook."""
        read_query(request, NoQuery)
        return Response(WebhookInfo(webhooks.find(access_of(request), _id(webhook_id))).data)

    @operation("update_webhook", {200: WebhookInfo}, body=WebhookChange, failures=(400, 404))
    def patch(self, request: Request, webhook_id: str) -> Response:
        """Change a webhook: what is given."""
        changes = read_body(request, WebhookChange)
        return Response(WebhookInfo(webhooks.update(access_of(request), _id(webhook_id), **changes)).data)

    @operation("delete_webhook", {204: None}, failures=(400, 404))
    def delete(self, request: Request, webhook_id: str) -> Response:
        """Delete a webhook, with the log of its deliveries."""
        read_query(request, NoQuery)
        webhooks.delete(access_of(request), _id(webhook_id))
        return Response(status=204)


class WebhookSecret(OwnView):
    @operation("rotate_webhook_secret", {200: WebhookMade}, failures=(400, 404))
    def post(self, request: Request, webhook_id: str) -> Response:
        """Make a new secret. For 24 hours the former one signs beside it."""
        read_body(request, NoBody)
        return Response(_made(*webhooks.rotate(access_of(request), _id(webhook_id))))


class WebhookPing(OwnView):
    @operation("ping_webhook", {202: DeliveryInfo}, body=NoBody, failures=(400, 404, 409))
    def post(self, request: Request, webhook_id: str) -> Response:
        """Send a test, in a moment: see the webhook's deliveries for the answer."""
        read_body(request, NoBody)
        delivery = webhooks.ping(access_of(request), _id(webhook_id))
        wake_delivery()
        return Response(DeliveryInfo(delivery).data, status=202)


class Deliveries(OwnView):
    @operation("list_webhook_deliveries", {200: DeliveryPage}, query=PageQuery, failures=(400, 404))
    def get(self, request: Request, webhook_id: str) -> Response:
        """Get what was sent to the webhook, the newest first."""
        query = read_query(request, PageQuery)
        access = access_of(request)
        found = webhooks.deliveries(access, webhooks.find(access, _id(webhook_id)))
        if "olderThan" in query:
            found = found.filter(pk__lt=query["olderThan"])
        size = query.get("size", DEFAULT_SIZE)
        rows = list(found[: size + 1])
        following = rows[size - 1].pk if len(rows) > size else None
        return Response({"items": DeliveryInfo(rows[:size], many=True).data, "next": following})


class Resend(OwnView):
    @operation("resend_webhook_delivery", {202: DeliveryInfo}, body=NoBody, failures=(400, 404, 409))
    def post(self, request: Request, webhook_id: str, delivery_id: str) -> Response:
        """Send a delivery's notice once more."""
        read_body(request, NoBody)
        access = access_of(request)
        made = webhooks.resend(access, read_id(delivery_id, "delivery"), webhooks.find(access, _id(webhook_id)))
        wake_delivery()
        return Response(DeliveryInfo(made).data, status=202)
