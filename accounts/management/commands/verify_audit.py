from accounts.management.verifying import VerifyChains
from accounts.models import audit_guard


class Command(VerifyChains):
    help = (
        "See that no entry of the audit trail was removed, changed, moved or inserted. Prints the hash of each chain's last entry: "
        "keep it elsewhere, and give it as --head later, to see that what stood there then still does."
    )
    missing = staticmethod(audit_guard.missing)
