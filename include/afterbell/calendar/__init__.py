"""Trading calendars: the sessions of an exchange and their closing bells."""
