"""Certificates: the list, upload, and which of them new files are sealed for."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from accounts.console.access import MemberRequest, member_page
from accounts.roles import ADMINISTER
from exports.console.forms import CertificateForm
from exports.console.presentation import CertificateEntry
from exports.services import certificates
from exports.services.errors import NotFound

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
