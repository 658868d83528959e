"""Who brings a data set: mirrors, OpenML, packages of npm and PyPI, folders; all of one shape, told by ``base``."""
