"""`/auth/v3`: authentication, as the Authentication chapters of Genesys Multicloud CX's Web-based API Reference describe it."""
