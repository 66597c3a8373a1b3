"""The audit of a session: Great Expectations, whole-session rules, moves, and the quality page."""
