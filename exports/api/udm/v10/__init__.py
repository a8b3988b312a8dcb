"""User Data Management, version 10 (Genesys Multicloud CX Web-based API Reference, base path /udm)."""
