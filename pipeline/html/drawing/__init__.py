"""A page to draw on: one HTML file with a network inside, that answers while one draws."""
