"""The suite as a whole: which environment a test belongs to, what runs side by side, and how long each room takes."""
