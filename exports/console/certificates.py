"""Certificates: the list, upload, which of them new files are sealed for, and the proof that somebody can decrypt."""

from base64 import b64encode

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from accounts.console.access import MemberRequest, member_page
from accounts.roles import ADMINISTER
from exports.console.forms import CertificateForm
from exports.console.presentation import CertificateEntry
from exports.services import certificates, challenges
from exports.services.errors import NotFound, ServiceError

MAKE_COMMAND = (
    "openssl req -x509 -newkey rsa:3072 -sha256 -nodes -days 730 -keyout KEY.pem -out certificate.pem "
    "-subj '/CN=Strongroom exports' -addext keyUsage=critical,keyEncipherment"
)


@member_page(["GET", "HEAD", "POST"])
def certificate_list(request: MemberRequest) -> HttpResponse:
    if request.method == "POST":
        request.access.need(ADMINISTER)
    form = CertificateForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid() and (certificate := form.upload(request.access)):
        messages.success(request, f"{certificate.name} is uploaded. New files are sealed for it.")
        return redirect("console-certificates")
    entries = [CertificateEntry(row, timezone.now()) for row in certificates.listing(request.access)]
    return render(request, "console/certificates.html", {"certificates": entries, "form": form, "make_command": MAKE_COMMAND})


@member_page(["POST"])
def certificate_activity(request: MemberRequest, pk: int) -> HttpResponse:
    try:
        certificate = certificates.set_active(request.access, pk, active=request.POST.get("active") == "yes")
    except NotFound:
        raise Http404 from None
    words = (
        "New files are sealed for it." if certificate.is_active else "New files are no longer sealed for it; older ones still open with it."
    )
    messages.success(request, f"{certificate.name} is {'active' if certificate.is_active else 'inactive'}. {words}")
    return redirect("console-certificates")


@never_cache
@member_page(["POST"])
def certificate_challenge(request: MemberRequest, pk: int) -> HttpResponse:
    """The sealed secret stands in this answer, inside the command that opens it."""
    try:
        made = challenges.challenge(request.access, pk)
    except NotFound:
        raise Http404 from None
    command = f"echo {b64encode(made.message).decode()} | base64 -d | {challenges.command()}"
    context = {"certificate": certificates.find(request.access, pk), "command": command, "expires_at": made.expires_at}
    return render(request, "console/challenge.html", context)


@member_page(["POST"])
def certificate_prove(request: MemberRequest, pk: int) -> HttpResponse:
    try:
        certificate = challenges.answer(request.access, pk, request.POST.get("secret", ""))
        messages.success(request, f"Proven: you can open what is sealed for {certificate.name}.")
    except NotFound:
        raise Http404 from None
    except ServiceError as error:
        messages.error(request, f"Not proven: {error}")
    return redirect("console-certificates")
