"""Models that consist of models of a family: the members of an ensemble, or one for each group of rows."""
