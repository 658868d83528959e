"""Several networks trained side by side on the same samples, as the candidates of a search are."""
