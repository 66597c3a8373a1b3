"""Which days an exchange trades, and when its closing bell rings."""
