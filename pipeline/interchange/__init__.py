"""Models in the forms of others, and others' weights as models: a way in, and a way out."""
