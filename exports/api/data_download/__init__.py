"""Cloud Data Download (Genesys Multicloud CX Web-based API Reference, base path /data-download): what became the User Data
Management API, kept for old clients. Its version 3 is that API's; its version 4 answers JobInfo where that one answers otherwise.
"""
