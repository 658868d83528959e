"""Where images come from: the IDX format, the registry of data sets, and the sources that bring them."""
