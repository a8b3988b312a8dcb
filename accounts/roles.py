"""What one may do in an organization, and the roles that allow it.

A role is a Django group of the same name; a membership holds roles. These tables fill the groups once, when the database
is made; from then on the admin decides what a role allows.
"""

ADMINISTER = "administer_organization"
EXPORT_CONTACT_HISTORY = "export_contact_history"
EXPORT_ALL = "export_all_sources"
READ_RULES = "read_retention_rules"
ADMINISTER_RULES = "administer_retention_rules"
APPROVE_DISPOSITIONS = "approve_dispositions"
READ_AUDIT = "read_audit"

PERMISSIONS = {
    ADMINISTER: "May manage certificates, credentials and sources of the organization",
    EXPORT_CONTACT_HISTORY: "May export sources of the kind contact-history",
    EXPORT_ALL: "May export every source of the organization",
    READ_RULES: "May read retention rules (ROLE_RETENTION_RULE_READ)",
    ADMINISTER_RULES: "May change retention rules (ROLE_RETENTION_RULE_ADMIN)",
    APPROVE_DISPOSITIONS: "May approve dispositions",
    READ_AUDIT: "May read the audit trail",
}

ADMINISTRATOR = "Administrator"
EXPORTER = "Exporter"
DATA_EXPORTER = "Data exporter"
RETENTION_READER = "Retention reader"
RETENTION_ADMINISTRATOR = "Retention administrator"
DISPOSITION_APPROVER = "Disposition approver"
AUDITOR = "Auditor"

ROLES: dict[str, tuple[str, ...]] = {
    ADMINISTRATOR: tuple(PERMISSIONS),
    EXPORTER: (EXPORT_CONTACT_HISTORY,),
    DATA_EXPORTER: (EXPORT_CONTACT_HISTORY, EXPORT_ALL),
    RETENTION_READER: (READ_RULES,),
    RETENTION_ADMINISTRATOR: (READ_RULES, ADMINISTER_RULES),
    DISPOSITION_APPROVER: (READ_RULES, APPROVE_DISPOSITIONS),
    AUDITOR: (READ_AUDIT,),
}
