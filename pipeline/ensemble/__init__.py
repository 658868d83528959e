"""Predictions that are means: over the networks of an ensemble, and over deformed copies of an image."""
