"""How good a candidate is, against baselines and the champion; the report and the gate."""
