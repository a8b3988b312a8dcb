"""Top floor: retention rules, holds, purge and dispositions. Not built yet; nothing here runs (README, "Not yet")."""
