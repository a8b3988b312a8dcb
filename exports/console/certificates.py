"""Certificates: the list, upload, and which of them new files are sealed for."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from exports.console.access import MemberRequest, member_page
from exports.console.forms import CertificateForm
from exports.console.presentation import CertificateEntry

MAKE_COMMAND = (
    "openssl req -x509 -newkey rsa:3072 -sha256 -nodes -days 730 -keyout KEY.pem -out certificate.pem "
    "-subj '/CN=Strongroom exports' -addext keyUsage=critical,keyEncipherment"
)


@member_page(["GET", "HEAD", "POST"])
def certificate_list(request: MemberRequest) -> HttpResponse:
    form = CertificateForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid() and (certificate := form.upload(request.organization, request.user)):
        messages.success(request, f"{certificate.name} is uploaded. New files are sealed for it.")
        return redirect("console-certificates")
    rows = request.organization.certificates.order_by("-is_active", "-created_at")
    entries = [CertificateEntry(row, timezone.now()) for row in rows]
    return render(request, "console/certificates.html", {"certificates": entries, "form": form, "make_command": MAKE_COMMAND})


@member_page(["POST"])
def certificate_activity(request: MemberRequest, pk: int) -> HttpResponse:
    certificate = get_object_or_404(request.organization.certificates, pk=pk)
    certificate.is_active = request.POST.get("active") == "yes"
    certificate.save(update_fields=["is_active"])
    words = (
        "New files are sealed for it." if certificate.is_active else "New files are no longer sealed for it; older ones still open with it."
    )
    messages.success(request, f"{certificate.name} is {'active' if certificate.is_active else 'inactive'}. {words}")
    return redirect("console-certificates")
