"""From the bytes of a drop to typed rows and set-aside lines. Pure."""
