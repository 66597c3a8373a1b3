"""What a source is: its typed YAML, the layout of its drops, when they arrive and are whole. Pure."""
