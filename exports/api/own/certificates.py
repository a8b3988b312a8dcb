"""/api/v1/certificates: all that files are or were sealed for, and the proof that somebody can open them.

The UDM's /cipher knows one certificate, the primary one. Here further recipients are added beside it.
"""

# ruff: noqa: N815 the fields are named as JSON has them

from base64 import b64encode
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.dialect import StrictSerializer, Text, describe, read_query
from accounts.api.permissions import access_of
from exports.api.own.dialect import NoBody, NoQuery, OwnView, read_body
from exports.api.udm.dialect import read_id
from exports.models import Certificate
from exports.services import certificates, challenges
from exports.services.errors import Invalid

operation = describe("Certificates").operation
CHALLENGE_FILE = "challenge.p7m"


class CertificateEntry(serializers.ModelSerializer[Certificate]):
    key = serializers.CharField(help_text="`RSA 3072`, `P-256`.")
    primary = serializers.BooleanField(source="is_primary", help_text="The one that the UDM's /cipher shows and replaces.")
    active = serializers.BooleanField(source="is_active", help_text="New files are sealed for it.")
    notBefore = serializers.DateTimeField(source="not_before")
    notAfter = serializers.DateTimeField(source="not_after")
    createdDate = serializers.DateTimeField(source="created_at")
    provenDate = serializers.DateTimeField(
        source="proven_at", allow_null=True, help_text="When somebody last proved that they can open what is sealed for it."
    )
    warning = serializers.SerializerMethodField(help_text="A sentence about a key that is accepted but short; empty if all is well.")

    class Meta:
        model = Certificate
        fields = [
            *("id", "name", "subject", "fingerprint", "key", "profile", "primary", "active"),
            *("notBefore", "notAfter", "createdDate", "provenDate", "warning"),
        ]
        read_only_fields = fields

    def get_warning(self, certificate: Certificate) -> str:
        return certificates.warning(certificate)


class RecipientRequest(StrictSerializer):
    name = Text(max_length=200, help_text="Whose it is.")
    pem = Text(max_length=certificates.HIGHEST_BYTES, help_text="The X.509 certificate in PEM form.")
    profile = serializers.ChoiceField(choices=Certificate.Profile.choices, required=False, help_text="How files are sealed for it.")


class CertificateChange(StrictSerializer):
    active = serializers.BooleanField(help_text="false: new files are no longer sealed for it; older ones still open with it.")


class ChallengeMade(serializers.Serializer[Any]):
    sealed = serializers.CharField(help_text="A secret, sealed for the certificate as files are: CMS in DER, in Base64.")
    expirationDate = serializers.DateTimeField(source="expires_at", help_text="Answer before.")
    decryptCommand = serializers.CharField(help_text="What prints the secret, once `sealed` is decoded into a file of that name.")


class ChallengeAnswer(StrictSerializer):
    secret = Text(max_length=200, help_text="What was sealed.")


def _id(text: str) -> int:
    return read_id(text, "certificate")


class Certificates(OwnView):
    @operation("list_certificates", {200: CertificateEntry(many=True)}, failures=(400,))
    def get(self, request: Request) -> Response:
        """Get the organization's certificates: the active ones first, of these the newest."""
        read_query(request, NoQuery)
        return Response(CertificateEntry(certificates.listing(access_of(request)), many=True).data)

    @operation("add_certificate", {201: CertificateEntry}, body=RecipientRequest, failures=(400,))
    def post(self, request: Request) -> Response:
        """Add a recipient: new files are sealed for it too. The UDM's /cipher stays what it is, unless there was none."""
        sent, access = read_body(request, RecipientRequest), access_of(request)
        profile, first = sent.get("profile", Certificate.Profile.STANDARD), certificates.primary(access) is None
        try:
            made = certificates.upload(access, sent["name"], sent["pem"].encode(), profile=profile, primary=first)
        except Invalid as error:
            names = {"certificatefilename": "name", "file": "pem"}
            raise Invalid({names.get(field, field): sentence for field, sentence in error.errors.items()}) from None
        return Response(CertificateEntry(made).data, status=201)


class CertificateDetail(OwnView):
    @operation("get_certificate", {200: CertificateEntry}, failures=(400, 404))
    def get(self, request: Request, certificate_id: str) -> Response:
        """Get a certificate."""
        read_query(request, NoQuery)
        return Response(CertificateEntry(certificates.find(access_of(request), _id(certificate_id))).data)

    @operation("update_certificate", {200: CertificateEntry}, body=CertificateChange, failures=(400, 404))
    def patch(self, request: Request, certificate_id: str) -> Response:
        """Seal new files for it, or no longer."""
        active = read_body(request, CertificateChange)["active"]
        return Response(CertificateEntry(certificates.set_active(access_of(request), _id(certificate_id), active=active)).data)


class CertificateChallenge(OwnView):
    @operation("challenge_certificate", {201: ChallengeMade}, body=NoBody, failures=(400, 404))
    def post(self, request: Request, certificate_id: str) -> Response:
        """Get a secret that is sealed for the certificate. An earlier one of yours is void."""
        read_body(request, NoBody)
        made = challenges.challenge(access_of(request), _id(certificate_id))
        shown = {
            "sealed": b64encode(made.message).decode(),
            "expires_at": made.expires_at,
            "decryptCommand": challenges.command(CHALLENGE_FILE),
        }
        return Response(ChallengeMade(shown).data, status=201)

    @operation("prove_certificate", {200: CertificateEntry}, body=ChallengeAnswer, failures=(400, 404, 409))
    def put(self, request: Request, certificate_id: str) -> Response:
        """Prove that you can decrypt: say the secret. Right or wrong, that challenge is used up."""
        secret = read_body(request, ChallengeAnswer)["secret"]
        return Response(CertificateEntry(challenges.answer(access_of(request), _id(certificate_id), secret)).data)
