"""Ground floor: organizations, users, bearer tokens and API keys."""
