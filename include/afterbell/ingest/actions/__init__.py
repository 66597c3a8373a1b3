"""From what drops show of adjustments to corporate actions."""
