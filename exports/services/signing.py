"""Webhook signatures as Standard Webhooks (https://www.standardwebhooks.com) has them, so that receivers need no code of ours."""

import hashlib
import hmac
from base64 import b64decode, b64encode
from datetime import datetime

from exports.models import Notice, Webhook


def signed(webhook: Webhook, notice: Notice, body: bytes, now: datetime) -> dict[str, str]:
    """The headers. One signature for each secret that holds: after a rotation, for a while, two."""
    identity, moment = notice.message_id, str(int(now.timestamp()))
    secrets = [webhook.secret]
    if webhook.previous_until and now < webhook.previous_until:
        secrets.append(webhook.previous_secret)
    content = b".".join([identity.encode(), moment.encode(), body])
    return {
        "webhook-id": identity,
        "webhook-timestamp": moment,
        "webhook-signature": " ".join(_signature(secret, content) for secret in secrets),
    }


def _signature(secret: str, content: bytes) -> str:
    key = b64decode(secret.removeprefix("whsec_"))
    return f"v1,{b64encode(hmac.digest(key, content, hashlib.sha256)).decode()}"
