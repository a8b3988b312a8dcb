"""User Data Management, version 4: jobs and history, deprecated. Files and the catalogue are in version 3."""
