"""Rules declared once: they quarantine rows, and they are what Great Expectations audits."""
